"""The pages behind the card form: our Stripe.js, its iframe, and the 3-D Secure page."""

import html
from pathlib import Path
from urllib.parse import urlencode

from globalmart.sandbox.stripe import confirming, errors, intents
from globalmart.sandbox.stripe.currencies import WITHOUT_DECIMALS
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import Call, Json, Store
from globalmart.sandbox.web import Request, Response

ASSETS = Path(__file__).parent / "assets"
STRIPE_JS = ("stripe-frame.js", "stripe-api.js")
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
}
# The frames are strict about themselves, and may be embedded by any shop.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'"


def asset(request: Request) -> Response:
    """GET /v3/{name}: one of the files in `assets`; stripe.js is put together from two."""
    return _stripe_js() if request.params["name"] == "stripe.js" else _file(request.params["name"])


def challenge_page(store: Store, request: Request) -> Response:
    """GET /v3/challenge/{id}: the page on which the bank asks the buyer."""
    intent = store.load(request.params["id"])
    if intent is None or request.query.get("client_secret") != intent.get("client_secret"):
        return Response(b"No such payment.", 404)
    page = _file("challenge.html")
    page.body = page.body.replace(b"{{amount}}", html.escape(_money(intent)).encode())
    return page


def complete_challenge(call: Call, request: Request) -> Json:
    """POST /v3/challenge/{id} with `client_secret` and `result` (complete or fail).

    Answers {"status", "url"}: the intent's status, and where a redirect flow goes on.
    """
    params = Parameters(request.form)
    call.is_browser = True
    secret = params.required("client_secret")
    intent = intents.fetch(call, request.params["id"], client_secret=secret)
    is_passed = params.choice("result", ("complete", "fail"), "complete") == "complete"
    redirect = (intent["next_action"] or {}).get("redirect_to_url")
    try:
        confirming.authenticate(call, intent, is_passed=is_passed)
    except errors.StripeError:
        # What went wrong stands in the intent's last_payment_error, where the page looks for it.
        if intent["status"] != "requires_payment_method":
            raise
    url = None if redirect is None else _return_url(redirect["return_url"], intent)
    return {"status": intent["status"], "url": url}


def _file(name: str) -> Response:
    path = ASSETS / name
    if path.parent != ASSETS or path.suffix not in TYPES or not path.is_file():
        return Response(b"Not found.", 404)
    headers = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if path.suffix == ".html":
        headers |= {"Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer"}
    else:
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return Response(path.read_bytes(), 200, TYPES[path.suffix], headers)


def _stripe_js() -> Response:
    answer = _file(STRIPE_JS[0])
    parts = b"\n".join((ASSETS / name).read_bytes() for name in STRIPE_JS)
    # One function around it all, so that the page gets to see `window.Stripe` and nothing else.
    answer.body = b'(function () {\n"use strict";\n' + parts + b"})();\n"
    return answer


def _return_url(url: str, intent: Json) -> str:
    answer = urlencode({
        "payment_intent": intent["id"],
        "payment_intent_client_secret": intent["client_secret"],
        "redirect_status": "failed" if intent["last_payment_error"] else "succeeded",
    })  # fmt: skip
    return f"{url}{'&' if '?' in url else '?'}{answer}"


def _money(intent: Json) -> str:
    currency = intent["currency"]
    if currency in WITHOUT_DECIMALS:
        return f"{currency.upper()} {intent['amount']:,}"
    whole, part = divmod(intent["amount"], 100)
    return f"{currency.upper()} {whole:,}.{part:02}"
