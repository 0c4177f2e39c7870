// What the page's pulse can't bring: a session that ended (the answer is the sign-in page, or a
// refusal), or a server that does not answer. Said once, where one looks, and taken back.

function say(id, ...words) {
  if (document.getElementById(id)) return;
  const notice = document.createElement("p");
  notice.id = id;
  notice.className = "notice notice--check";
  notice.setAttribute("role", "alert");
  const span = document.createElement("span");
  span.append(...words);
  notice.append(span);
  (document.getElementById("notices") ?? document.querySelector(".page")).prepend(notice);
}

function signedOut() {
  const link = document.createElement("a");
  link.href = location.href;
  link.textContent = "sign in again";
  link.target = "_blank"; // this page keeps the words that were not saved
  say("signed-out", "You were signed out. Copy what was not saved yet, then ", link, " and reload this page.");
}

function away() {
  say("server-away", "The server does not answer. What you see may be old; this page tries again by itself.");
}

document.body.addEventListener("htmx:beforeSwap", (event) => {
  const address = event.detail.xhr.responseURL;
  if (!address || !new URL(address).pathname.startsWith("/sign-in/")) return;
  event.detail.shouldSwap = false;
  signedOut();
});
document.addEventListener("countersign:signed-out", signedOut);
document.body.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 403) signedOut();
  else if (event.detail.xhr.status >= 500) away();
});
document.body.addEventListener("htmx:sendError", away);
document.body.addEventListener("htmx:timeout", away);
document.body.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) document.getElementById("server-away")?.remove();
});
