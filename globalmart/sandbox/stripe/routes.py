"""What each endpoint of the API does with its parameters."""

from globalmart.sandbox.stripe import (
    cards,
    confirming,
    event_routes,
    intents,
    keys,
    money_routes,
)
from globalmart.sandbox.stripe.capturing import capture
from globalmart.sandbox.stripe.events import emit
from globalmart.sandbox.stripe.listing import PAGING, Operate, expand, page, retrieve
from globalmart.sandbox.stripe.parameters import Parameters
from globalmart.sandbox.stripe.store import Call, Json, shown
from globalmart.sandbox.web import Request

CONFIRM = (
    "capture_method", "client_secret", "confirmation_token", "error_on_requires_action",
    "mandate_data", "off_session", "payment_method", "payment_method_data",
    "payment_method_options", "payment_method_types", "radar_options", "receipt_email",
    "return_url", "setup_future_usage", "shipping", "use_stripe_sdk", "expand", "key",
)  # fmt: skip
DESCRIPTIVE = (
    "amount", "amount_details", "currency", "customer", "description", "metadata",
    "payment_details", "statement_descriptor", "statement_descriptor_suffix", "transfer_group",
)  # fmt: skip
CREATE = (*CONFIRM, *DESCRIPTIVE, "automatic_payment_methods", "confirm", "confirmation_method")


def create_intent(call: Call, request: Request) -> Json:
    """POST /v1/payment_intents."""
    params = Parameters(request.form)
    params.only(*CREATE)
    intent = intents.build(call, params)
    confirming.attach(call, intent, params)
    intents.save(call, intent)
    emit(call, "payment_intent.created", intent)
    if params.boolean("confirm"):
        confirming.confirm(call, intent, _without_method(params))
    return _shown(call, intent, params)


def confirm_intent(call: Call, request: Request) -> Json:
    """POST /v1/payment_intents/{id}/confirm, with a secret key or with the client secret."""
    params = Parameters(request.form)
    params.only(*CONFIRM)
    intent = _fetch(call, request, params)
    confirming.confirm(call, intent, params)
    return _shown(call, intent, params)


def retrieve_intent(call: Call, request: Request) -> Json:
    """GET /v1/payment_intents/{id}, with a secret key or with the client secret."""
    params = Parameters(request.query)
    params.only("client_secret", "expand", "key")
    return _shown(call, _fetch(call, request, params), params)


def update_intent(call: Call, request: Request) -> Json:
    """POST /v1/payment_intents/{id}."""
    params = Parameters(request.form)
    params.only(*DESCRIPTIVE, "payment_method", "receipt_email", "shipping", "expand")
    intent = _fetch(call, request, params)
    if params.has("payment_method") and intent["status"] not in confirming.CONFIRMABLE:
        raise intents.unexpected(
            intent,
            "This PaymentIntent's payment_method could not be updated because it has a status of "
            f"{intent['status']}.",
        )
    confirming.attach(call, intent, params)
    intents.update(call, intent, params)
    return _shown(call, intent, params)


def capture_intent(call: Call, request: Request) -> Json:
    """POST /v1/payment_intents/{id}/capture."""
    params = Parameters(request.form)
    params.only("amount_to_capture", "final_capture", "metadata", "expand", "payment_details",
                "statement_descriptor", "statement_descriptor_suffix")  # fmt: skip
    intent = _fetch(call, request, params)
    capture(call, intent, params)
    return _shown(call, intent, params)


def cancel_intent(call: Call, request: Request) -> Json:
    """POST /v1/payment_intents/{id}/cancel."""
    params = Parameters(request.form)
    params.only("cancellation_reason", "expand")
    intent = _fetch(call, request, params)
    intents.cancel(call, intent, params)
    return _shown(call, intent, params)


def list_intents(call: Call, request: Request) -> Json:
    """GET /v1/payment_intents."""
    params = Parameters(request.query)
    params.only(*PAGING)
    return page(call, "payment_intent", params, url=request.path, wheres=[])


def create_payment_method(call: Call, request: Request) -> Json:
    """POST /v1/payment_methods: a typed-in card becomes a token."""
    params = Parameters(request.form)
    params.only("type", "card", "billing_details", "metadata", "allow_redisplay", "expand", "key")
    params.required("type")
    params.choice("type", ("card",))
    method = cards.from_details(params)
    call.store.add(method)
    return shown(method)


def _fetch(call: Call, request: Request, params: Parameters) -> Json:
    secret = params.text("client_secret")
    return intents.fetch(call, request.params["id"], client_secret=secret)


def _shown(call: Call, intent: Json, params: Parameters) -> Json:
    if call.is_browser:
        return {name: intent[name] for name in intents.PUBLIC}
    return expand(call, shown(intent), params)


def _without_method(params: Parameters) -> Parameters:
    names = ("payment_method", "payment_method_data", "capture_method")
    return Parameters({k: v for k, v in params.values.items() if k not in names})


OPERATIONS: tuple[tuple[str, str, str, Operate], ...] = (
    ("POST", "/v1/payment_intents", "payment_intents.create", create_intent),
    ("GET", "/v1/payment_intents", "payment_intents.list", list_intents),
    ("GET", "/v1/payment_intents/{id}", "payment_intents.retrieve", retrieve_intent),
    ("POST", "/v1/payment_intents/{id}", "payment_intents.update", update_intent),
    ("POST", "/v1/payment_intents/{id}/confirm", "payment_intents.confirm", confirm_intent),
    ("POST", "/v1/payment_intents/{id}/capture", "payment_intents.capture", capture_intent),
    ("POST", "/v1/payment_intents/{id}/cancel", "payment_intents.cancel", cancel_intent),
    ("POST", "/v1/payment_methods", "payment_methods.create", create_payment_method),
    ("GET", "/v1/payment_methods/{id}", "payment_methods.retrieve",
     retrieve("pm_", "payment_method")),
    *money_routes.OPERATIONS,
    *event_routes.OPERATIONS,
)  # fmt: skip
FOR_BROWSERS = frozenset({
    "payment_intents.retrieve", "payment_intents.confirm", "payment_methods.create",
})  # fmt: skip


def check_caller(call: Call, operation: str) -> None:
    """Raise StripeError (401) where a browser calls what is for servers."""
    if call.is_browser and operation not in FOR_BROWSERS:
        raise keys.refuse_browser()
