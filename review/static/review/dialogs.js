// A link or button with data-opens-dialog opens that dialog instead of its page.
// Without this file the link leads to the page that holds the same form.

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens-dialog]");
  if (opener?.getAttribute("aria-disabled") === "true") {
    event.preventDefault();
    return;
  }
  if (opener && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    const dialog = document.getElementById(opener.dataset.opensDialog);
    if (dialog?.showModal) {
      event.preventDefault();
      dialog.showModal();
      return;
    }
  }
  const closer = event.target.closest("[data-closes-dialog]");
  if (closer) {
    event.preventDefault();
    closer.closest("dialog")?.close();
  } else if (event.target.matches("dialog[open]")) {
    event.target.close(); // a click on the backdrop
  }
});
