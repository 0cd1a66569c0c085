/* The sandbox's stand-in for Stripe.js: Elements in deferred mode with a card form in an iframe of
   this server's own origin. The page that loads it never sees the card. No inline style and no
   inline script, so that a strict content security policy holds. */

const origin = new URL(document.currentScript.src).origin;
const FRAME_TITLE = "Secure payment input frame";
const OFFLINE = {
  type: "api_connection_error",
  message: "We could not reach the payment service. Check your connection and try again.",
};

class IntegrationError extends Error {
  constructor(message) {
    super(message);
    this.name = "IntegrationError";
  }
}

async function call(method, path, params) {
  const encoded = new URLSearchParams(params);
  const isGet = method === "GET";
  try {
    const answer = await fetch(`${origin}${path}${isGet ? `?${encoded}` : ""}`, {
      method,
      body: isGet ? undefined : encoded,
      credentials: "omit",
    });
    return await answer.json();
  } catch {
    return { error: OFFLINE };
  }
}

function intentId(clientSecret) {
  const found = /^(pi_\w+)_secret_\w+$/.exec(String(clientSecret));
  if (!found) {
    throw new IntegrationError(
      "Invalid value for clientSecret: it should be of the form ${id}_secret_${secret}.",
    );
  }
  return found[1];
}

function makeFrame(path, title) {
  const frame = document.createElement("iframe");
  frame.src = origin + path;
  frame.title = title;
  frame.allow = "payment *";
  Object.assign(frame.style, { display: "block", width: "100%", border: "0" });
  return frame;
}

/* One mounted form. Everything that crosses the border goes through a MessageChannel. */
class PaymentElement {
  constructor(settings) {
    this.settings = settings;
    this.listeners = new Map();
    this.waiting = new Map();
    this.next = 0;
    this.whenReady = new Promise((resolve) => (this.markReady = resolve));
  }

  mount(target) {
    const place = typeof target === "string" ? document.querySelector(target) : target;
    if (!place) {
      throw new IntegrationError(`Invalid DOM element; no element matches ${target}.`);
    }
    const isNight = this.settings.appearance?.theme === "night";
    this.frame = makeFrame(`/v3/card.html#${isNight ? "night" : "stripe"}`, FRAME_TITLE);
    this.frame.name = "__privateStripeFrame1";
    // Three pixels on each side leave room for the focus ring inside the frame.
    Object.assign(this.frame.style, { height: "220px", width: "calc(100% + 6px)", margin: "-3px" });
    this.frame.style.colorScheme = isNight ? "dark" : "light";
    this.frame.addEventListener("load", () => this.connect(), { once: true });
    place.replaceChildren(this.frame);
    return this;
  }

  connect() {
    const channel = new MessageChannel();
    this.port = channel.port1;
    this.port.onmessage = ({ data }) => this.hear(data);
    const { key, appearance } = this.settings;
    const style = appearance ? JSON.parse(JSON.stringify(appearance)) : {};
    const message = { type: "sandbox.init", key, appearance: style };
    this.frame.contentWindow.postMessage(message, origin, [channel.port2]);
  }

  hear(message) {
    if (message.type === "answer") {
      this.waiting.get(message.id)?.(message.value);
      this.waiting.delete(message.id);
    } else if (message.type === "height") {
      this.frame.style.height = `${message.value}px`;
    } else {
      if (message.type === "ready") this.markReady();
      const heard = { elementType: "payment", ...message.value };
      for (const listener of this.listeners.get(message.type) ?? []) listener(heard);
    }
  }

  async ask(question, value) {
    if (!this.frame) throw new IntegrationError("The Payment Element is not mounted.");
    await this.whenReady;
    const id = (this.next += 1);
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.port.postMessage({ id, question, value });
    });
  }

  on(type, listener) {
    this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener]);
    return this;
  }

  off(type, listener) {
    const kept = (this.listeners.get(type) ?? []).filter((one) => listener && one !== listener);
    this.listeners.set(type, kept);
    return this;
  }

  focus() { this.ask("focus"); }
  clear() { this.ask("clear"); }
  blur() { this.frame?.blur(); }
  collapse() {}
  update() {}
  unmount() { this.frame?.remove(); }
  destroy() { this.unmount(); }
}
