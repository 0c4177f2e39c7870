// Acts on what the page's pulse brings: what can't be done is disabled, a lost claim stops the
// writing, a finished draft opens by itself where nothing was written, a page that is left says
// farewell.

const composer = document.getElementById("composer");
const text = document.getElementById("reply"); // absent on the page that asks for confirmation
const pulse = document.getElementById("pulse");
const farewell = document.getElementById("farewell");

const untouched = () => !text || text.value.trim() === "" || text.value === text.defaultValue;

function allow(element, allowed) {
  if (element.matches("button")) element.disabled = !allowed;
  else element.setAttribute("aria-disabled", String(!allowed));
}

document.body.addEventListener("htmx:afterSwap", () => {
  const now = document.getElementById("situation");
  if (!now) return;
  document.querySelectorAll("[data-needs]").forEach((element) => allow(element, now.dataset[element.dataset.needs] === "1"));
  if (now.dataset.lost === "1") {
    if (text) text.readOnly = true;
    document.dispatchEvent(new CustomEvent("countersign:lost"));
  }
  const busy = document.querySelector("dialog[open]");
  if (now.dataset.arrived === "1" && untouched() && document.activeElement !== text && !busy) {
    location.assign(document.getElementById("arrived").href);
  }
});

// A tab that nobody has looked at for ten minutes lets its claim run out.
let hiddenSince = null;
document.addEventListener("visibilitychange", () => { hiddenSince = document.hidden ? Date.now() : null; });
document.body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.id === "situation" && hiddenSince && Date.now() - hiddenSince > 600_000) event.preventDefault();
});

// The farewell is this visit's only: the next page of the ticket, or another tab, keeps the claim.
// Words that were not sent keep it too, until it runs out.
window.addEventListener("pagehide", () => {
  const body = new FormData(pulse);
  if (!body.get("visit") || composer.classList.contains("is-edited")) return;
  navigator.sendBeacon(farewell.action, body);
});
// Back to a page that the browser kept: what it shows may be sent or overtaken by now.
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
