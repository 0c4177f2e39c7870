// Counts down the seconds in which a step can still be undone: by the server's clock, from the moment
// at which its answer began to arrive.

const live = document.getElementById("live");
const arrived = performance.getEntriesByType("navigation")[0]?.responseStart ?? 0;

for (const toast of document.querySelectorAll(".toast[data-seconds-left]")) {
  const until = arrived + Number(toast.dataset.secondsLeft) * 1000;
  const left = toast.querySelector(".toast__left"); // absent for a step that sends nothing
  const tick = () => {
    const seconds = Math.ceil((until - performance.now()) / 1000);
    if (seconds > 0) {
      if (left) left.textContent = `in ${seconds} s`;
      return;
    }
    clearInterval(timer);
    if (!left) {
      if (!toast.matches(":hover, :focus-within")) toast.remove(); // undone from the history later
      return;
    }
    toast.querySelector("button").remove();
    left.textContent = "now";
    toast.classList.add("is-over");
    setTimeout(() => toast.remove(), 2500);
  };
  const timer = setInterval(tick, 500);
  tick();
  if (left) live.textContent = `The reply to ticket ${toast.dataset.number} goes out in a few seconds. Press U to undo.`;
}
