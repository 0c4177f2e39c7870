// In the queue's own page J and K move along the rows; Enter opens, as on any link.

const onPage = document.querySelector(".page--queue");

document.addEventListener("keydown", (event) => {
  if (!onPage || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (document.body.dataset.singleKeys === "off" || event.target.matches?.("input, textarea, select")) return;
  if (document.querySelector("dialog[open]")) return;
  const step = { j: 1, k: -1 }[event.key.toLowerCase()];
  if (!step) return;
  const rows = [...document.querySelectorAll(".queue__row a")];
  const here = rows.indexOf(document.activeElement);
  const next = rows[here < 0 ? (step > 0 ? 0 : rows.length - 1) : Math.min(Math.max(here + step, 0), rows.length - 1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
});

// beside a ticket: bring the open row into view once
document.querySelector(".workbench__queue .is-current")?.scrollIntoView({ block: "nearest" });
// back to a list that the browser kept: it is old
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
