// The list of articles: tick all, how many are ticked, and only the field that the chosen action needs.

const form = document.getElementById("bulk");
const all = form?.querySelector("[data-ticks-all]");
const boxes = form ? [...form.querySelectorAll("input[name=article]")] : [];
const action = form?.elements.action;

function tell() {
  const ticked = boxes.filter((box) => box.checked).length;
  form.querySelector("[data-ticked]").textContent = ticked ? `${ticked} ticked` : "";
  all.checked = ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
}

function choose() {
  form.querySelectorAll("[data-for]").forEach((field) => { field.hidden = field.dataset.for !== action.value; });
}

if (form) {
  all.hidden = false;
  all.addEventListener("change", () => {
    boxes.forEach((box) => { box.checked = all.checked; });
    tell();
  });
  form.addEventListener("change", tell);
  action.addEventListener("change", choose);
  tell();
  choose();
}
