// Keys: pressing one does what the element that carries it in data-key does.
// Single keys rest while one types, while a dialog is open, and when the person has them off.

const fields = "textarea, select, [contenteditable], input:not([type=checkbox]):not([type=radio]):not([type=submit])";

const visible = (element) => element.getClientRects().length > 0 && !element.matches("[disabled], [aria-disabled=true]");

function act(element) {
  if (element.matches("input, textarea, select")) {
    element.focus();
    if (element.type === "search") element.select(); // never the reply: the next key would wipe it
  } else {
    element.click();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if (event.key === "Escape") {
    const open = document.querySelector(".topbar__person[open]");
    if (open) open.open = false;
    else if (event.target.matches?.(fields) && !event.target.closest("dialog")) event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (document.body.dataset.singleKeys === "off") return;
  if (event.target.matches?.(fields) || document.querySelector("dialog[open]")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const target = [...document.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find(visible);
  if (!target) return;
  event.preventDefault();
  act(target);
});
