/* The rest of the stand-in for Stripe.js: Elements, confirmation, the bank's question. */

class Elements {
  constructor(key, options) {
    this.options = { ...options };
    this.key = key;
    this.isSubmitted = false;
  }

  create(type) {
    if (type !== "payment") throw new IntegrationError(`The sandbox has no element "${type}".`);
    if (this.element) throw new IntegrationError("Can only create one Element of type payment.");
    this.element = new PaymentElement({ key: this.key, appearance: this.options.appearance });
    return this.element;
  }

  getElement(type) { return type === "payment" ? (this.element ?? null) : null; }

  update(options) {
    Object.assign(this.options, options);
    if (options.appearance) {
      const isNight = options.appearance.theme === "night";
      if (this.element?.frame) this.element.frame.style.colorScheme = isNight ? "dark" : "light";
      this.element?.ask("appearance", JSON.parse(JSON.stringify(options.appearance)));
    }
  }

  async fetchUpdates() { return {}; }

  async submit() {
    if (!this.element) throw new IntegrationError("Create and mount an Element first.");
    const error = await this.element.ask("submit");
    this.isSubmitted = !error;
    return error ? { error } : { selectedPaymentMethod: "card" };
  }
}

/* The bank's question, in an overlay. Resolves when it has been answered or was dismissed. */
function challenge(intent) {
  const opener = document.activeElement;
  const cover = document.createElement("div");
  cover.setAttribute("role", "dialog");
  cover.setAttribute("aria-modal", "true");
  cover.setAttribute("aria-label", "Your bank asks for confirmation");
  Object.assign(cover.style, {
    position: "fixed", inset: "0", zIndex: "2147483647", display: "grid",
    placeItems: "center", padding: "16px", background: "rgba(10, 14, 26, 0.6)",
  });
  const query = new URLSearchParams({ client_secret: intent.client_secret, flow: "modal" });
  const frame = makeFrame(`/v3/challenge/${intent.id}?${query}`, "Bank authentication");
  frame.name = "stripe-challenge-frame";
  Object.assign(frame.style, {
    maxWidth: "420px", height: "min(440px, 100%)", borderRadius: "14px", background: "#fff",
    boxShadow: "0 24px 60px rgba(0, 0, 0, 0.35)",
  });
  cover.append(frame);
  document.body.append(cover);
  frame.addEventListener("load", () => frame.focus(), { once: true });
  return new Promise((resolve) => {
    window.addEventListener("message", function hear(event) {
      if (event.origin !== origin || event.source !== frame.contentWindow) return;
      if (event.data?.type !== "sandbox.challenge") return;
      window.removeEventListener("message", hear);
      cover.remove();
      opener?.focus?.();
      resolve();
    });
  });
}

function mismatch(options, intent) {
  const wanted = { amount: options.amount, currency: options.currency?.toLowerCase() };
  if (options.captureMethod) wanted.capture_method = options.captureMethod;
  const name = Object.keys(wanted).find((one) => wanted[one] !== intent[one]);
  return name && {
    type: "invalid_request_error",
    message: `The PaymentIntent's ${name} (${intent[name]}) is not what Elements was set up ` +
      `with (${wanted[name]}).`,
  };
}

function leave(returnUrl, intent) {
  const url = new URL(returnUrl, location.href);
  url.searchParams.set("payment_intent", intent.id);
  url.searchParams.set("payment_intent_client_secret", intent.client_secret);
  url.searchParams.set("redirect_status", "succeeded");
  location.assign(url);
  return new Promise(() => {});
}

window.Stripe = function Stripe(key) {
  if (!/^pk_test_\w+$/.test(String(key))) {
    throw new IntegrationError("The sandbox takes publishable test keys only (pk_test_...).");
  }

  async function retrievePaymentIntent(clientSecret) {
    const params = { key, client_secret: clientSecret };
    const found = await call("GET", `/v1/payment_intents/${intentId(clientSecret)}`, params);
    return found.error ? { error: found.error } : { paymentIntent: found };
  }

  async function finish(intent) {
    if (intent.status !== "requires_action") return { paymentIntent: intent };
    await challenge(intent);
    const { error, paymentIntent } = await retrievePaymentIntent(intent.client_secret);
    if (error) return { error };
    const failure = paymentIntent.last_payment_error;
    if (failure && paymentIntent.status === "requires_payment_method") {
      return { error: { ...failure, payment_intent: paymentIntent } };
    }
    return { paymentIntent };
  }

  async function method(elements, confirmParams) {
    if (confirmParams.payment_method) return { id: confirmParams.payment_method };
    if (!elements?.element) throw new IntegrationError("Pass elements with a Payment Element.");
    if (elements.options.mode && !elements.isSubmitted) {
      throw new IntegrationError(
        "elements.submit() must be called before stripe.confirmPayment() is called.",
      );
    }
    const billing = confirmParams.payment_method_data?.billing_details;
    return elements.element.ask("tokenise", billing ? JSON.parse(JSON.stringify(billing)) : null);
  }

  async function confirmPayment({ elements, clientSecret, confirmParams = {}, redirect }) {
    const id = intentId(clientSecret);
    const returnUrl = confirmParams.return_url;
    if (redirect !== "if_required" && !returnUrl) {
      throw new IntegrationError("confirmParams.return_url is required unless redirect is 'if_required'.");
    }
    if (elements?.options.mode) {
      const { error, paymentIntent } = await retrievePaymentIntent(clientSecret);
      const wrong = error ?? mismatch(elements.options, paymentIntent);
      if (wrong) return { error: wrong };
    }
    const made = await method(elements, confirmParams);
    if (made.error) return { error: made.error };
    const params = { key, client_secret: clientSecret, payment_method: made.id, use_stripe_sdk: true };
    if (returnUrl) params.return_url = new URL(returnUrl, location.href).href;
    const answer = await call("POST", `/v1/payment_intents/${id}/confirm`, params);
    const outcome = answer.error ? { error: answer.error } : await finish(answer);
    if (elements) elements.isSubmitted = false;
    if (outcome.error || redirect === "if_required") return outcome;
    return leave(returnUrl, outcome.paymentIntent);
  }

  async function handleNextAction({ clientSecret }) {
    const { error, paymentIntent } = await retrievePaymentIntent(clientSecret);
    return error ? { error } : finish(paymentIntent);
  }

  const elements = (options = {}) => new Elements(key, options);
  return { elements, confirmPayment, retrievePaymentIntent, handleNextAction };
};
window.Stripe.version = 3;
