// Acts on what the page's pulse brings: a lost claim stops the writing, a finished draft opens by
// itself where nothing was written, a closed tab gives the ticket back.

const composer = document.getElementById("composer");
const text = document.getElementById("reply");
const release = document.getElementById("release");

const untouched = () => text.value.trim() === "" || text.value === text.defaultValue;

document.body.addEventListener("htmx:afterSwap", () => {
  const now = document.getElementById("situation");
  if (!now) return;
  if (now.dataset.lost === "1") {
    text.readOnly = true;
    document.querySelectorAll(".bar button, .ticket-head__moves button").forEach((button) => { button.disabled = true; });
    document.querySelectorAll(".bar a").forEach((link) => { link.setAttribute("aria-disabled", "true"); });
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

// A form or link inside the console keeps the claim (the next page renews it or lets it run out);
// a closed tab gives it back at once.
let inside = false;
document.addEventListener("submit", () => { inside = true; });
window.addEventListener("pageshow", () => { inside = false; });
window.addEventListener("pagehide", () => {
  if (inside || !release.dataset.token || composer.classList.contains("is-edited")) return;
  const body = new FormData();
  body.set("csrfmiddlewaretoken", composer.elements.csrfmiddlewaretoken.value);
  body.set("claim_token", release.dataset.token);
  body.set("beacon", "1");
  navigator.sendBeacon(release.action, body);
});
