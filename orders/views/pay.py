"""Pay for an order that still waits for it: a card was declined, or a tab was closed."""

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from orders import links
from orders.queries import tracking
from orders.queries.payable import get_payable
from orders.views.order import get_order, sums
from orders.views.placing import in_time, start_payment
from payments import queries as payments

# Stripe's decline codes in words that help; the rest get the last line.
DECLINES = {
    "insufficient_funds": "Your bank says that there is not enough money on the card.",
    "expired_card": "The card has expired.",
    "incorrect_cvc": "The security code was not right.",
    "invalid_cvc": "The security code was not right.",
    "incorrect_number": "The card number was not right.",
    "lost_card": "Your bank did not allow this card.",
    "stolen_card": "Your bank did not allow this card.",
    "authentication_required": "Your bank needs you to confirm the payment.",
    "payment_intent_authentication_failure": "The payment was not confirmed with your bank.",
    "processing_error": "The bank had a problem of its own.",
}
OTHER_DECLINE = "Your bank did not approve the payment."


@require_safe
@csp_update(settings.PAY_PAGE_POLICY)  # type: ignore[arg-type]  # it types only views without arguments
@never_cache
def show(request: HttpRequest, number: str, secret: str) -> HttpResponse:
    """The card form again, only while a second payment cannot happen."""
    order = get_order(number, secret)
    payable = get_payable(order=order)
    if not payable.is_open and payable.rests_until is None:
        return redirect(links.order_path(order))
    declined = DECLINES.get(payable.decline_code, OTHER_DECLINE) if payable.decline_code else ""
    response = render(
        request,
        "shop/pay.html",
        {
            "order": order,
            **sums(order, tracking.list_lines(order=order)),
            "order_path": links.order_path(order),
            "declined": declined,
            "ships_from": order.ships_from,
            "is_charged_at_order": order.is_charged_at_order,
            "due_minor": payments.get_account(order_id=order.pk).due_minor,
            "rests_until": payable.rests_until,
            "stripe_js": settings.STRIPE_JS_URL,
            "stripe_key": settings.STRIPE_PUBLISHABLE_KEY,
        },
    )
    response.headers["Cache-Control"] = "no-store"
    return response


@require_POST
@never_cache
@in_time
def start(request: HttpRequest, number: str, secret: str) -> JsonResponse:
    """Answer with the client secret of the payment that waits for the customer."""
    order = get_order(number, secret)
    payable = get_payable(order=order)
    if not payable.is_open and payable.rests_until is None:
        return JsonResponse({"client_secret": None, "order_url": links.order_path(order)})
    return start_payment(request, order_id=order.pk)
