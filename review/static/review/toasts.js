// Counts down the seconds in which a reply can still be undone.

const live = document.getElementById("live");

for (const toast of document.querySelectorAll(".toast[data-until]")) {
  const until = Date.parse(toast.dataset.until);
  const left = toast.querySelector(".toast__left");
  const tick = () => {
    const seconds = Math.ceil((until - Date.now()) / 1000);
    if (seconds > 0) {
      left.textContent = `in ${seconds} s`;
      return;
    }
    clearInterval(timer);
    toast.querySelector("button").remove();
    left.textContent = "now";
    toast.classList.add("is-over");
    setTimeout(() => toast.remove(), 2500);
  };
  const timer = setInterval(tick, 500);
  tick();
  live.textContent = `The reply to ticket ${toast.dataset.number} goes out in a few seconds. Press U to undo.`;
}
