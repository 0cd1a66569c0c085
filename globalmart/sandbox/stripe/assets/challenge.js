/* The bank's page: tells the server what was chosen, then the page that opened it. */
"use strict";

const query = new URLSearchParams(location.search);
const isFramed = query.get("flow") === "modal";
const buttons = [...document.querySelectorAll("button")];
document.documentElement.classList.toggle("framed", isFramed);

async function choose(result) {
  buttons.forEach((button) => (button.disabled = true));
  const body = new URLSearchParams({ client_secret: query.get("client_secret"), result });
  try {
    const answer = await fetch(location.pathname, { method: "POST", body });
    const outcome = await answer.json();
    // An intent that has moved on meanwhile answers with an error; the shop then looks at it anew.
    if (isFramed) window.parent.postMessage({ type: "sandbox.challenge", result }, "*");
    else if (outcome.url) location.replace(outcome.url);
    else document.getElementById("error").textContent = outcome.error?.message ?? "You may close this page.";
  } catch {
    document.getElementById("error").textContent = "The bank could not be reached. Try again.";
    buttons.forEach((button) => (button.disabled = false));
  }
}

for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.result));
window.addEventListener("keydown", (event) => { if (isFramed && event.key === "Escape") choose("fail"); });
