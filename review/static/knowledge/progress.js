// Keeps the progress of work that a worker does up to date, until it is done.
const EVERY = 2000;

async function look() {
  const shown = document.querySelector("[data-progress]");
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) {
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const found = page.querySelector("[data-progress]");
      if (found && shown.innerHTML !== found.innerHTML) shown.replaceWith(document.importNode(found, true));
    }
  } catch {
    // the server is away for a moment; the next look may find it
  }
  if (document.querySelector('[data-progress="open"]')) setTimeout(look, EVERY);
}

setTimeout(look, EVERY);
