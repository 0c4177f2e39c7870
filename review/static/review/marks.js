// Marks under the words: the mirror behind the textarea carries each sentence's mark, and a sentence
// and its evidence light each other up. A sentence that was changed loses its mark: nobody checked it.

const text = document.getElementById("reply");
const sheet = document.getElementById("sheet");
const mirror = sheet.querySelector(".sheet__mirror");
const items = () => [...document.querySelectorAll(".sentence[data-sentence]")];

sheet.classList.add("has-mirror");

// Where each sentence stands in the text now: in order, each after the one before it.
function places(value) {
  const found = [];
  let from = 0;
  for (const item of items()) {
    const words = item.dataset.text;
    const start = words ? value.indexOf(words, from) : -1;
    item.classList.toggle("is-changed", start < 0);
    if (start < 0) continue;
    found.push({ item, start, end: start + words.length });
    from = start + words.length;
  }
  return found;
}

let placed = [];

function draw() {
  const value = text.value;
  placed = places(value);
  const parts = [];
  let at = 0;
  for (const { item, start, end } of placed) {
    if (start > at) parts.push(document.createTextNode(value.slice(at, start)));
    const span = document.createElement("span");
    span.className = `mark mark--${item.dataset.status}`;
    span.dataset.sentence = item.dataset.sentence;
    span.textContent = value.slice(start, end);
    parts.push(span);
    at = end;
  }
  parts.push(document.createTextNode(value.slice(at) + "\n")); // the last line break has height too
  mirror.replaceChildren(...parts);
}

function light(ids) {
  const lit = new Set(ids);
  const shares = (element) => (element.dataset.sentences || element.dataset.sentence || "").split(" ").some((id) => lit.has(id));
  document.querySelectorAll(".mark, .sentence, .source, .source__span").forEach((element) => {
    element.classList.toggle("is-lit", lit.size > 0 && shares(element));
  });
}

function atCaret() {
  if (document.activeElement !== text) return;
  const here = text.selectionStart;
  const place = placed.find(({ start, end }) => here >= start && here <= end);
  light(place ? [place.item.dataset.sentence] : []);
}

const owner = (element) => element.closest?.(".source__span, .sentence, .source");
const ids = (element) => (element.dataset.sentences || element.dataset.sentence || "").split(" ").filter(Boolean);

text.addEventListener("input", draw);
document.addEventListener("selectionchange", atCaret);
for (const [on, off] of [["focusin", "focusout"], ["mouseover", "mouseout"]]) {
  document.addEventListener(on, (event) => { const element = owner(event.target); if (element) light(ids(element)); });
  document.addEventListener(off, (event) => { if (owner(event.target)) light([]); });
}
document.body.addEventListener("htmx:afterSwap", (event) => { if (event.target.closest?.(".sentence-list") || event.target.matches?.(".sentence")) draw(); });
draw();
