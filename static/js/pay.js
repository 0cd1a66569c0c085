// The card form: Stripe's Payment Element in deferred mode. The order is placed by our own server
// first; only then does the browser confirm, with the secret that the server answered.

const form = document.querySelector("form[data-pay]");
const button = form.querySelector("button");
const problem = form.querySelector("[data-problem]");
const LOST = "We could not reach the shop. You were not charged. Check your connection, then try again.";
const STALE = "This page was open for too long: reload it.";
const UNCONFIRMED =
  "Your bank did not confirm this payment. You were not charged. Try again, or take another card.";
// Seconds between two tries while the payment provider is silent.
const PAUSES = [5, 8, 12, 20, 30];
const BROKEN = "The shop has a problem; you were not charged. Try again in a minute.";

function say(text) {
  problem.querySelector("p").textContent = text;
  problem.hidden = !text;
  if (text) problem.focus();
}

function rest(isBusy) {
  form.toggleAttribute("data-busy", isBusy);
  button.disabled = isBusy;
  button.textContent = isBusy ? button.dataset.busy : button.dataset.ready;
  button.setAttribute("aria-busy", String(isBusy));
}

function appearance() {
  // The tokens of the page, as the browser resolved them for light or dark.
  const probe = document.createElement("span");
  form.append(probe);
  const colour = (name) => {
    probe.className = `probe-${name}`;
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    canvas.fillStyle = getComputedStyle(probe).color;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue] = canvas.getImageData(0, 0, 1, 1).data;
    return `rgb(${red}, ${green}, ${blue})`;
  };
  const variables = {
    colorPrimary: colour("accent"),
    colorBackground: colour("surface"),
    colorText: colour("ink"),
    colorDanger: colour("bad"),
    fontFamily: getComputedStyle(document.body).fontFamily,
    fontSizeBase: "16px",
    borderRadius: "8px",
  };
  probe.remove();
  const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
  return { theme: isDark ? "night" : "stripe", variables };
}

async function place() {
  const response = await fetch(form.action, {
    method: "POST",
    body: new URLSearchParams(new FormData(form)),
    headers: { Accept: "application/json" },
  });
  const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
  const answer = isJson ? await response.json() : { detail: response.status === 403 ? STALE : BROKEN };
  // A detail without a secret: the payment provider is silent, and the order waits for the next try.
  if (!response.ok || !isJson || (answer.detail && !answer.client_secret))
    throw Object.assign(new Error(answer.detail ?? BROKEN), answer);
  return answer;
}

// The order is there, but the payment provider is not: say so, and try again by ourselves.
const waiting = form.querySelector("[data-waiting]");
let timer = 0;
let tries = 0;

function wait({ order_number, order_url, kept_until }) {
  const due = new Date(kept_until);
  const pause = PAUSES[Math.min(tries++, PAUSES.length - 1)];
  const part = (name) => waiting.querySelector(`[data-${name}]`);
  const began = Date.now();
  part("order").textContent = order_number;
  part("order").href = order_url;
  part("until").textContent = due.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  part("until").dateTime = kept_until;
  rest(false);
  waiting.hidden = false;
  if (tries === 1) waiting.focus();
  const tick = () => {
    const past = (Date.now() - began) / 1000;
    if (Date.now() >= due) return location.assign(order_url);
    part("progress").value = Math.min(1, past / pause);
    part("next").textContent = `We try again in ${Math.max(1, Math.ceil(pause - past))} s.`;
    if (past >= pause) form.requestSubmit();
  };
  tick();
  timer = setInterval(tick, 250);
}

function stopWaiting(isOver) {
  clearInterval(timer);
  waiting.querySelector("[data-next]").textContent = "We are trying again now …";
  waiting.querySelector("[data-progress]").value = 1;
  if (isOver) waiting.hidden = true;
}

function start() {
  form.querySelector(".loading").hidden = false;
  const stripe = window.Stripe(form.dataset.key);
  const elements = stripe.elements({
    mode: "payment",
    amount: Number(form.dataset.amount),
    currency: form.dataset.currency,
    captureMethod: "manual",
    appearance: appearance(),
  });
  const card = elements.create("payment");
  card.on?.("ready", () => form.querySelector(".loading")?.remove());
  card.mount("#payment-element");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
    elements.update?.({ appearance: appearance() }),
  );
  rest(false);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!form.hasAttribute("data-busy")) pay(stripe, elements);
  });
}

async function pay(stripe, elements) {
  rest(true);
  say("");
  stopWaiting(false);
  const checked = await elements.submit();
  if (checked.error) return again(checked.error.message);
  let answer;
  try {
    answer = await place();
  } catch (error) {
    if (error.kept_until) return wait(error);
    stopWaiting(true);
    if (!error.location) return again(error instanceof TypeError ? LOST : error.message);
    say(error.message);
    const link = document.createElement("a");
    link.href = error.location;
    link.textContent = " Go on from there";
    problem.querySelector("p").append(link);
    button.textContent = button.dataset.ready;
    return;
  }
  stopWaiting(true);
  // Nothing for the browser to do: paid already, or the outcome is not known yet.
  if (!answer.client_secret) return location.assign(answer.order_url);
  const result = await stripe.confirmPayment({
    elements,
    clientSecret: answer.client_secret,
    confirmParams: { return_url: answer.return_url },
    redirect: "if_required",
  });
  const { type, code } = result.error ?? {};
  // A challenge that was failed is an invalid request at Stripe, in words for programmers.
  if (code === "payment_intent_authentication_failure") return again(UNCONFIRMED);
  if (type === "card_error" || type === "validation_error") return again(result.error.message);
  // Paid, or unknown: the server asks Stripe. The button rests until the next page is there.
  location.assign(answer.return_url);
}

function again(text) {
  stopWaiting(true);
  rest(false);
  say(text);
}

window.addEventListener("pageshow", (event) => event.persisted && location.reload());
if (window.Stripe) start();
else {
  say("The card form could not be loaded. You were not charged. Please reload the page.");
}
