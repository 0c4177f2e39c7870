// Files can be dropped on the form; what was chosen is named, and too much is said before it is sent.

const form = document.getElementById("upload");
if (form) {
  const drop = document.getElementById("drop");
  const input = document.getElementById("files");
  const chosen = document.getElementById("files-chosen");
  const most = Number(form.dataset.maxBytes);
  const megabytes = (bytes) => `${(bytes / 1048576).toFixed(bytes < 10485760 ? 1 : 0)} MB`;

  const show = () => {
    const files = [...input.files];
    const size = files.reduce((sum, file) => sum + file.size, 0);
    input.setCustomValidity(size > most ? `These have ${megabytes(size)}; ${megabytes(most)} are allowed.` : "");
    const names = files.slice(0, 3).map((file) => file.name).join(", ");
    chosen.textContent = files.length
      ? `${names}${files.length > 3 ? ` and ${files.length - 3} more` : ""}, ${megabytes(size)}`
      : "";
  };

  drop.querySelector(".drop__words").hidden = false;
  input.addEventListener("change", show);
  for (const type of ["dragenter", "dragover"]) {
    drop.addEventListener(type, (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      drop.classList.add("drop--over");
    });
  }
  for (const type of ["dragleave", "drop"]) {
    drop.addEventListener(type, (event) => {
      if (type === "dragleave" && drop.contains(event.relatedTarget)) return;
      drop.classList.remove("drop--over");
    });
  }
  drop.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    const files = new DataTransfer();
    for (const file of event.dataTransfer.files) {
      files.items.add(file);
      if (!input.multiple) break;
    }
    input.files = files.files;
    show();
    input.focus();
  });
  form.addEventListener("submit", (event) => {
    if (event.defaultPrevented || !input.files.length) return;
    chosen.textContent = "Sending the files…";
  });
}
