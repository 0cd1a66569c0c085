// Small comforts. Every page works without them.

// Errors are read out and reached first.
document.querySelector("[data-errors]")?.focus();
for (const link of document.querySelectorAll(".errors a[href^='#']")) {
  link.addEventListener("click", (event) => {
    const field = document.getElementById(link.hash.slice(1));
    if (!field) return;
    event.preventDefault();
    field.closest("details")?.setAttribute("open", "");
    field.focus();
    field.scrollIntoView({ block: "center" });
  });
}

// A form is sent once: the button rests, and says so, until the next page is there.
for (const form of document.querySelectorAll("form[data-once]")) {
  const button = form.querySelector("button[data-busy]");
  const label = button?.textContent;
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    if (!button) return;
    button.textContent = button.dataset.busy;
    button.setAttribute("aria-disabled", "true");
  });
  // Coming back by the browser's own button, the form is fresh again.
  window.addEventListener("pageshow", () => {
    delete form.dataset.sent;
    if (!button) return;
    button.textContent = label;
    button.removeAttribute("aria-disabled");
  });
}

// Sorting needs no extra press.
for (const form of document.querySelectorAll("form[data-autosubmit]")) {
  form.querySelector("button")?.setAttribute("hidden", "");
  form.addEventListener("change", () => form.requestSubmit());
}

// The parts of the order page that move are replaced, so these listen from above.
function reveal() {
  if (navigator.clipboard) for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
  for (const button of document.querySelectorAll("[data-print]")) button.hidden = false;
  for (const time of document.querySelectorAll("time[data-clock]"))
    time.textContent = new Date(time.dateTime).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}
document.addEventListener("click", async (event) => {
  const copy = event.target.closest?.("[data-copy]");
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    copy.textContent = "Copied";
  }
  if (event.target.closest?.("[data-print]")) window.print();
});
// What was open stays open, and the focus stays where it was.
let kept = { open: [], focus: "" };
document.addEventListener("htmx:beforeSwap", () => {
  const open = [...document.querySelectorAll("details[id][open]")].map((details) => details.id);
  kept = { open, focus: document.activeElement?.id ?? "" };
});
document.addEventListener("htmx:afterSettle", () => {
  reveal();
  for (const id of kept.open) document.getElementById(id)?.setAttribute("open", "");
  if (kept.focus && document.activeElement === document.body)
    document.getElementById(kept.focus)?.focus({ preventScroll: true });
});
reveal();
