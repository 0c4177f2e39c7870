// "Changes" opens the diff in a dialog instead of its page.

const composer = document.getElementById("composer");
const dialog = document.getElementById("diff");
const body = document.getElementById("diff-body");

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-shows-diff]");
  if (!button || !dialog.showModal) return;
  event.preventDefault();
  body.textContent = "Comparing…";
  dialog.showModal();
  const form = new FormData(composer);
  form.set("part", "diff");
  try {
    const answer = await fetch(composer.dataset.diff, { method: "POST", body: form });
    if (!answer.ok) throw new Error(answer.statusText);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    body.replaceChildren(...page.body.childNodes);
  } catch {
    body.textContent = "The comparison could not be fetched. Close this and try again.";
  }
});
