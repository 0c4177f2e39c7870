// The composer: counts the seconds that the draft is looked at, says whether it was changed, and
// lets Ctrl or Command with Enter approve, or confirm the dialog that is open. A bare Enter never does.

const composer = document.getElementById("composer");
const text = document.getElementById("reply"); // absent on the page that asks for confirmation

let seconds = 0;
let since = document.hidden ? null : performance.now();

const count = () => {
  if (since !== null) {
    seconds += (performance.now() - since) / 1000;
    since = performance.now();
  }
  document.querySelectorAll("[data-seconds]").forEach((field) => { field.value = seconds.toFixed(1); });
};

document.addEventListener("visibilitychange", () => {
  count();
  since = document.hidden ? null : performance.now();
});
document.addEventListener("submit", (event) => {
  count();
  if (event.target !== composer || event.defaultPrevented) return;
  if (composer.dataset.leaving) event.preventDefault(); // a second press of the same key
  composer.dataset.leaving = "1";
});
window.addEventListener("pageshow", () => { delete composer?.dataset.leaving; });

document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat || event.isComposing) return;
  const dialog = document.querySelector("dialog[open]");
  const buttons = [...(dialog ?? document).querySelectorAll("[data-submit-key]:not([disabled])")];
  const button = buttons.find((element) => dialog || !element.closest("dialog"));
  if (!button) return;
  event.preventDefault();
  button.click();
});

// the candidate's own words, to know what was changed
if (text) {
  const tell = () => composer.classList.toggle("is-edited", text.value.trim() !== text.dataset.base.replace(/\r\n/g, "\n").trim());
  text.addEventListener("input", tell);
  tell();
}

// Open with the newest message and the reply in view; nothing moves after that.
const scroller = document.querySelector(".ticket-scroll");
const newest = document.querySelector(".thread:last-of-type .message:last-child");
if (scroller && newest && scroller.scrollHeight > scroller.clientHeight) {
  const top = scroller.getBoundingClientRect().top;
  const reply = document.getElementById("sheet").getBoundingClientRect().bottom - top - scroller.clientHeight + 16;
  scroller.scrollTop = Math.max(0, Math.min(newest.getBoundingClientRect().top - top - 8, reply));
}
