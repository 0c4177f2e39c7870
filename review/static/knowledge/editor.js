// The editor of articles: the server's preview after each pause, Ctrl+S, one pane at a time where
// it is narrow, and who else has the article open.

const composer = document.getElementById("composer");
const text = document.getElementById("article-text");
const shown = document.getElementById("preview");
const presence = document.getElementById("presence");
const PAUSE = 400;
const AGAIN = 3000;
const PULSE = 15000;

// --- preview: of two answers, the one to the later question counts; without one it is asked again
let timer = 0;
let asked = 0;

function previewLater(pause) {
  clearTimeout(timer);
  timer = setTimeout(preview, pause);
}

async function preview() {
  const number = ++asked;
  let answer;
  try {
    answer = await fetch(composer.dataset.preview, { method: "POST", body: new FormData(composer) });
  } catch {
    answer = null; // saving says what is wrong
  }
  if (number !== asked) return;
  if (!answer || answer.status >= 500) return previewLater(AGAIN);
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const top = shown.scrollTop;
  shown.replaceChildren(...page.body.childNodes);
  shown.scrollTop = top;
}

composer.addEventListener("input", () => previewLater(PAUSE));
if (text.value !== text.defaultValue) previewLater(0); // typed before this script was there

// text and preview scroll together, by how far each has come
text.addEventListener("scroll", () => {
  const far = text.scrollTop / Math.max(1, text.scrollHeight - text.clientHeight);
  shown.scrollTop = far * (shown.scrollHeight - shown.clientHeight);
});

// --- keys and panes
document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "s" || !(event.ctrlKey || event.metaKey) || event.altKey) return;
  event.preventDefault();
  document.dispatchEvent(new CustomEvent("countersign:save"));
});
document.querySelector("[data-saves]").addEventListener("click", (event) => {
  event.preventDefault();
  document.dispatchEvent(new CustomEvent("countersign:save"));
});

const panes = composer.querySelector(".editor__panes");
const tabs = composer.querySelector(".editor__tabs");
composer.classList.add("has-tabs");
tabs.hidden = false;
tabs.addEventListener("click", (event) => {
  const tab = event.target.closest("[data-shows]");
  if (!tab) return;
  panes.dataset.pane = tab.dataset.shows;
  tabs.querySelectorAll("[data-shows]").forEach((one) => one.setAttribute("aria-pressed", String(one === tab)));
});

// --- who else is here; nothing is announced while nothing changed
const pulse = (more = {}) => {
  const body = new FormData();
  for (const name of ["csrfmiddlewaretoken", "base"]) body.set(name, composer.elements[name].value);
  for (const [name, value] of Object.entries(more)) body.set(name, value);
  return body;
};

async function beat() {
  if (document.hidden) return;
  try {
    const answer = await fetch(presence.dataset.url, { method: "POST", body: pulse() });
    if (!answer.ok || answer.redirected) return;
    const words = (await answer.text()).trim();
    if (words === presence.dataset.words) return;
    presence.dataset.words = words;
    presence.replaceChildren(...new DOMParser().parseFromString(words, "text/html").body.childNodes);
  } catch { /* the next beat tries again */ }
}
presence.dataset.words = presence.innerHTML.trim();
beat();
setInterval(beat, PULSE);
document.addEventListener("visibilitychange", beat);
addEventListener("pagehide", () => navigator.sendBeacon(presence.dataset.url, pulse({ leaving: "1" })));
