// A session that ended answers the page's pulse with the sign-in page, or refuses it: say so, and
// swap nothing in.

function say() {
  if (document.getElementById("signed-out")) return;
  const notice = document.createElement("p");
  notice.id = "signed-out";
  notice.className = "notice notice--check";
  notice.setAttribute("role", "alert");
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "sign in again";
  link.target = "_blank"; // this page keeps the words that were not saved
  const words = document.createElement("span");
  words.append("You were signed out. Copy what was not saved yet, then ", link, " and reload this page.");
  notice.append(words);
  document.querySelector(".ticket-scroll, .page").prepend(notice);
}

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const address = event.detail.xhr.responseURL;
  if (!address || !new URL(address).pathname.startsWith("/sign-in/")) return;
  event.detail.shouldSwap = false;
  say();
});
document.addEventListener("countersign:signed-out", say);
document.body.addEventListener("htmx:responseError", (event) => { if (event.detail.xhr.status === 403) say(); });
