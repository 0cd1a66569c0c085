/* The card form's own script. It speaks to the page only through the port that came with `init`. */
"use strict";

const BRANDS = [
  ["visa", /^4/], ["mastercard", /^(5[1-5]|2[2-7])/], ["amex", /^3[47]/], ["discover", /^(6011|64|65)/],
  ["diners", /^3(0[0-5]|[689])/], ["jcb", /^35/], ["unionpay", /^62/],
];
const LENGTHS = { amex: 15, diners: 16 };
const VARIABLES = {
  colorPrimary: "--primary", colorBackground: "--background", colorText: "--text",
  colorTextSecondary: "--secondary", colorTextPlaceholder: "--placeholder",
  colorDanger: "--danger", fontFamily: "--font", fontSizeBase: "--size",
  borderRadius: "--radius", spacingUnit: "--unit",
};

const form = document.getElementById("card");
const number = document.getElementById("cardnumber");
const expiry = document.getElementById("exp-date");
const cvc = document.getElementById("cvc");
const inputs = [number, expiry, cvc];
let port = null;
let key = "";

document.documentElement.dataset.theme = location.hash === "#night" ? "night" : "stripe";

const digits = (input) => input.value.replace(/\D/g, "");
const brandOf = (typed) => BRANDS.find(([, pattern]) => pattern.test(typed))?.[0];
const lengthOf = (brand) => LENGTHS[brand] ?? 16;

function isPlausible(typed) {
  let total = 0;
  [...typed].reverse().forEach((digit, place) => {
    const value = Number(digit) * (place % 2 ? 2 : 1);
    total += value > 9 ? value - 9 : value;
  });
  return total % 10 === 0;
}

function grouped(typed) {
  if (brandOf(typed) === "amex") return [typed.slice(0, 4), typed.slice(4, 10), typed.slice(10, 15)];
  return typed.slice(0, 19).match(/.{1,4}/g) ?? [];
}

/* Writes a formatted value and keeps the caret behind the same digit. */
function write(input, text) {
  if (input.value === text) return;
  const before = input.value.slice(0, input.selectionStart ?? input.value.length).replace(/\D/g, "").length;
  const isAtEnd = input.selectionStart === input.value.length;
  input.value = text;
  let place = 0;
  for (let seen = 0; place < text.length && seen < before; place += 1) seen += /\d/.test(text[place]) ? 1 : 0;
  if (document.activeElement === input) input.setSelectionRange(...(isAtEnd ? [text.length, text.length] : [place, place]));
}

function formatNumber() {
  const typed = digits(number);
  const brand = brandOf(typed);
  write(number, grouped(typed).filter(Boolean).join(" "));
  const picture = document.getElementById("brand");
  if (brand) picture.dataset.brand = brand;
  else delete picture.dataset.brand;
  cvc.maxLength = brand === "amex" ? 4 : 3;
  if (typed.length === lengthOf(brand) && !problem(number) && document.activeElement === number) expiry.focus();
}

function formatExpiry(event) {
  let typed = digits(expiry).slice(0, 4);
  if (/^[2-9]$/.test(typed)) typed = `0${typed}`;
  const isDeleting = event?.inputType?.startsWith("delete");
  write(expiry, typed.length > 2 || (typed.length === 2 && !isDeleting) ? `${typed.slice(0, 2)} / ${typed.slice(2)}` : typed);
  if (typed.length === 4 && !problem(expiry) && document.activeElement === expiry) cvc.focus();
}

function problem(input) {
  const typed = digits(input);
  if (input === number) {
    if (typed.length < lengthOf(brandOf(typed))) return ["incomplete_number", "Your card number is incomplete."];
    return isPlausible(typed) ? null : ["invalid_number", "Your card number is invalid."];
  }
  if (input === cvc) {
    const wanted = brandOf(digits(number)) === "amex" ? 4 : 3;
    return typed.length === wanted ? null : ["incomplete_cvc", "Your card's security code is incomplete."];
  }
  if (typed.length < 4) return ["incomplete_expiry", "Your card's expiration date is incomplete."];
  const [month, year] = [Number(typed.slice(0, 2)), 2000 + Number(typed.slice(2))];
  if (month < 1 || month > 12) return ["invalid_expiry", "Your card's expiration date is invalid."];
  const today = new Date();
  if (year * 12 + month < today.getFullYear() * 12 + today.getMonth() + 1) {
    return ["invalid_expiry_year_past", "Your card's expiration year is in the past."];
  }
  return null;
}

function show(input, message) {
  document.getElementById(`${input.id}-error`).textContent = message ?? "";
  if (message) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
  tellHeight();
}

function tell(type, value) { port?.postMessage({ type, value }); }
function tellHeight() { tell("height", Math.ceil(form.getBoundingClientRect().height) + 8); }

function tellChange() {
  const isComplete = inputs.every((input) => !problem(input));
  tell("change", { complete: isComplete, empty: inputs.every((input) => !input.value), collapsed: false, value: { type: "card" } });
}

function submit() {
  const wrong = inputs.map((input) => [input, problem(input)]).filter(([, found]) => found);
  for (const [input, [, message]] of wrong) show(input, message);
  if (!wrong.length) return null;
  wrong[0][0].focus();
  const [code, message] = wrong[0][1];
  return { type: "validation_error", code, message };
}

async function tokenise(billing) {
  const [month, year] = expiry.value.split("/").map((part) => part.trim());
  const params = new URLSearchParams({
    key, type: "card", "card[number]": digits(number), "card[exp_month]": Number(month),
    "card[exp_year]": `20${year}`, "card[cvc]": cvc.value,
  });
  for (const [name, value] of Object.entries(billing ?? {})) {
    if (value && typeof value === "object") {
      for (const [part, text] of Object.entries(value)) if (text) params.set(`billing_details[${name}][${part}]`, text);
    } else if (value) params.set(`billing_details[${name}]`, value);
  }
  try {
    const made = await (await fetch("/v1/payment_methods", { method: "POST", body: params })).json();
    if (made.error) refuse(made.error);
    return made.error ? { error: made.error } : { id: made.id };
  } catch {
    return { error: { type: "api_connection_error", message: "We could not reach the payment service. Try again." } };
  }
}

function refuse(error) {
  const field = { exp_month: expiry, exp_year: expiry, cvc }[error.param] ?? number;
  show(field, error.message);
}

function apply(appearance) {
  const root = document.documentElement;
  root.dataset.theme = appearance?.theme ?? "stripe";
  for (const [name, property] of Object.entries(VARIABLES)) {
    const value = appearance?.variables?.[name];
    if (value) root.style.setProperty(property, value);
    else root.style.removeProperty(property);
  }
}

const ANSWERS = {
  submit, tokenise, appearance: apply,
  focus: () => number.focus(),
  clear: () => { for (const input of inputs) { input.value = ""; show(input, null); } formatNumber(); },
};

async function answer({ data }) {
  const value = await ANSWERS[data.question]?.(data.value);
  port.postMessage({ type: "answer", id: data.id, value });
}

window.addEventListener("message", (event) => {
  if (event.source !== window.parent || event.data?.type !== "sandbox.init" || port) return;
  [port] = event.ports;
  key = event.data.key;
  apply(event.data.appearance);
  port.onmessage = answer;
  new ResizeObserver(tellHeight).observe(form);
  tell("ready", {});
  tellHeight();
});

number.addEventListener("input", formatNumber);
expiry.addEventListener("input", formatExpiry);
cvc.addEventListener("input", () => write(cvc, digits(cvc)));
for (const input of inputs) {
  input.addEventListener("input", () => { if (!problem(input) || input.value === "") show(input, null); tellChange(); });
  input.addEventListener("blur", () => { if (input.value) show(input, problem(input)?.[1]); tell("blur", {}); });
  input.addEventListener("focus", () => tell("focus", {}));
}
form.addEventListener("submit", (event) => event.preventDefault());
document.getElementById("fill").addEventListener("click", () => {
  number.value = "4242424242424242";
  expiry.value = `12${String((new Date().getFullYear() + 1) % 100).padStart(2, "0")}`;
  cvc.value = "123";
  formatNumber();
  formatExpiry();
  for (const input of inputs) show(input, null);
  tellChange();
});
