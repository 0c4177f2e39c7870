// Saves the words to the server a moment after each pause in typing, with a counter. When a newer
// text was saved elsewhere, the page that shows both opens. The reply's composer and the editor of
// articles use it: whatever field says data-autosaved is saved.

const composer = document.getElementById("composer");
const fields = [...composer.querySelectorAll("[data-autosaved]")];
const counter = composer.elements.version ?? composer.elements.revision;
const state = document.getElementById("save-state");
const PAUSE = 1500;
const PATIENCE = 10_000; // a server that takes the request and never answers is away, too

let timer = 0;
let running = null;
const written = () => JSON.stringify(fields.map((field) => field.value));
let saved = written();
let stopped = fields.some((field) => field.readOnly);

const say = (words) => { if (state.textContent !== words) state.textContent = words; };

async function save() {
  clearTimeout(timer);
  if (running) await running;
  if (stopped || written() === saved) return;
  running = send(written()).finally(() => { running = null; });
  await running;
}

async function send(words) {
  const body = new FormData(composer);
  let answer;
  try {
    answer = await fetch(composer.dataset.save, { method: "POST", body, keepalive: words.length < 15000, signal: AbortSignal.timeout(PATIENCE) });
  } catch {
    say("Not saved: no connection. Your words stay on this page; the next try is by itself.");
    timer = setTimeout(save, 4 * PAUSE);
    return;
  }
  const said = (answer.headers.get("Content-Type") || "").startsWith("application/json") ? await answer.json() : {};
  if (answer.ok && said[counter.name]) {
    counter.value = said[counter.name];
    saved = words;
    say(written() === words ? "Saved" : "");
  } else if (said.conflict) {
    stopped = true;
    composer.action = composer.dataset.conflict;
    composer.submit(); // past the composer's own submit handling: nothing is decided
  } else if (answer.status === 403) {
    stopped = true;
    say("Not saved: you were signed out.");
    document.dispatchEvent(new CustomEvent("countersign:signed-out"));
  } else if (said.lost) {
    // the page's pulse says who has it; should it be ours again, so are the words
    say("Not saved: you don't hold this ticket now. The next try is by itself.");
    timer = setTimeout(save, 4 * PAUSE);
  } else {
    say(said.error || "Not saved; the next try is by itself.");
    timer = setTimeout(save, 4 * PAUSE);
  }
}

composer.addEventListener("input", () => {
  if (stopped) return;
  say("");
  clearTimeout(timer);
  timer = setTimeout(save, PAUSE);
});
document.addEventListener("visibilitychange", () => { if (document.hidden) save(); });
window.addEventListener("beforeunload", () => { save(); }); // before the next page is asked for
// what is about to be decided is saved by the decision itself
composer.addEventListener("submit", () => { clearTimeout(timer); });
document.addEventListener("countersign:save", save); // somebody asked for it now
document.addEventListener("countersign:lost", () => { stopped = true; clearTimeout(timer); });
// leaving by a link (the other candidate, the next ticket) takes the last words along
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[href]:not([target], [data-opens-dialog])");
  if (!link || stopped || written() === saved || event.defaultPrevented || event.ctrlKey || event.metaKey) return;
  if (link.getAttribute("href").startsWith("#")) return;
  event.preventDefault();
  await save();
  location.assign(link.href);
});
