"""The pay button, and the way back from the bank."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from fulfillment.services.stock import OutOfStock
from globalmart.core import idempotency
from globalmart.core.budget import budget
from globalmart.core.db import is_lock_timeout
from globalmart.core.failpoints import failpoint
from globalmart.core.money import display
from orders import links
from orders.models import Order
from orders.queries import baskets, pricing
from orders.queries.payable import get_payable
from orders.services import checkout, payment
from orders.views import sessions
from orders.views.submissions import fingerprint, submission
from payments import queries as payments

GONE = "Something in your basket is not for sale any more. You were not charged."
TOO_MUCH = "We cannot take an order of this size here. You were not charged; please order less."
FREE = "Less is left to pay than a card can be charged. Please look at your basket."
CHANGED = "Your order changed in another tab: look at it again. You were not charged."
BUSY = "The shop is busy. You were not charged; please try again."
# The payment is open, and yet Stripe gave no secret with which to pay.
SILENT = "Card payments do not answer just now. You were not charged; your things stay reserved."
TOO_MANY_CARDS = "Five cards were declined. Please try again in {minutes} minute{s}."
# A page that asks Stripe is there in time, whether or not Stripe is.
in_time = budget(seconds=settings.STRIPE_PAGE_SECONDS)
# What may go wrong on an honest way: status, words, and the page on which to go on.
REFUSALS: dict[type[Exception], tuple[int, str, str]] = {
    pricing.UnknownSku: (409, GONE, "orders:basket"),
    pricing.NotPriced: (409, GONE, "orders:basket"),
    pricing.UnknownShippingMethod: (
        409,
        "This way to deliver is not offered any more. You were not charged.",
        "orders:delivery",
    ),
    checkout.BadQuantity: (422, TOO_MUCH, "orders:basket"),
    pricing.TotalTooLarge: (422, TOO_MUCH, "orders:basket"),
    pricing.NothingToPay: (422, FREE, "orders:basket"),
    idempotency.KeyReused: (409, CHANGED, "orders:review"),
    idempotency.KeyBusy: (503, BUSY, ""),
}
EXPECTED: tuple[type[Exception], ...] = (
    *REFUSALS,
    OutOfStock,
    checkout.TotalChanged,
    checkout.VoucherRefused,
    OperationalError,
)


@require_POST
@never_cache
@in_time
def place(request: HttpRequest) -> JsonResponse:
    """Place the order and answer with what the browser needs to pay it.

    A second POST with the same key, or from another tab, answers with the same order: where to
    look, once it no longer waits for its payment.
    """
    ended = sessions.find_ended_order(request)
    if ended is not None:
        return JsonResponse({"client_secret": None, "order_url": links.order_path(ended)})
    basket = sessions.get_basket(request)
    key = request.POST.get("key", "")
    if basket is None or not basket.items or {"contact", "delivery"} - basket.details.keys():
        return _refuse(409, "Your basket is empty", location=reverse("orders:basket"))
    if not idempotency.PRINTABLE.fullmatch(key):
        return _refuse(400, "Please reload this page and try again.")
    if basket.order_id is not None:
        return start_payment(request, order_id=basket.order_id)
    changed = _what_changed(request, basket)
    if changed:
        return _refuse(409, changed, location=reverse("orders:review"))
    try:
        wanted = submission(basket, key, expected_total_minor=_shown_total(request))
        placed = checkout.place_order(submission=wanted, now=timezone.now())
    except checkout.BasketClosed as error:
        return start_payment(request, order_id=error.order_id)
    except EXPECTED as error:
        return _explain(basket, error)
    request.session[sessions.PLACED] = placed.order_id
    return start_payment(request, order_id=placed.order_id)


def start_payment(request: HttpRequest, *, order_id: int) -> JsonResponse:
    """Answer with the client secret of the order's payment, or where to look instead."""
    order = baskets.find_order(order_id=order_id)
    if order is None:
        raise Http404
    sessions.remember_order(request, order)
    order_path = links.order_path(order)
    try:
        begun = payment.start_browser_payment(order_id=order_id, now=timezone.now())
    except payment.NotPayable:
        return JsonResponse({"client_secret": None, "order_url": order_path, "return_url": None})
    except payment.CoolDown as error:
        return _rest_until(error.until)
    is_open = begun.client_secret is not None and not begun.is_settled
    failpoint("CP12", order=order_id)
    waits = not is_open and get_payable(order=order).is_open
    return JsonResponse(
        {
            **(_keep_waiting(order) if waits else {}),
            "client_secret": begun.client_secret if is_open else None,
            "return_url": settings.BASE_URL + reverse("orders:return", args=[begun.attempt_uuid]),
            "order_url": order_path,
            "amount_minor": begun.amount_minor,
            "currency": begun.currency,
        }
    )


def _rest_until(until: datetime) -> JsonResponse:
    """Say when the next card may be tried, after too many that were declined."""
    seconds = max(1, round((until - timezone.now()).total_seconds()))
    minutes = -(-seconds // 60)
    answer = _refuse(429, TOO_MANY_CARDS.format(minutes=minutes, s="" if minutes == 1 else "s"))
    answer.headers["Retry-After"] = str(seconds)
    return answer


def _keep_waiting(order: Order) -> dict[str, str]:
    """Say that the order stands though it cannot be paid yet: the page tries again by itself."""
    due = order.payment_due_at
    kept = {"kept_until": due.isoformat()} if due else {}
    return {"detail": SILENT, "order_number": order.number, **kept}


@require_safe
@never_cache
@in_time
def come_back(request: HttpRequest, attempt: UUID) -> HttpResponse:
    """Ask Stripe what became of the payment, whatever the address claims, and show the order.

    The address outlives the order's secret link, so it leads only those on who began to pay.
    """
    found = payments.find_attempt(uuid=attempt)
    if found is None:
        raise Http404
    payment.settle_return(attempt_uuid=attempt, now=timezone.now())
    order = baskets.find_order(order_id=found.order_id)
    if order is None:
        raise Http404
    if not sessions.has_ordered(request, order):
        return _go_on(reverse("orders:find"))
    path = links.order_path(order)
    return _go_on(f"{path}pay/" if get_payable(order=order).is_open else path)


def _go_on(path: str) -> HttpResponse:
    """Send the browser on with 303, so that a reload repeats nothing."""
    response = redirect(path)
    response.status_code = 303
    return response


def _what_changed(request: HttpRequest, basket: baskets.Contents) -> str:
    """Say what is different from the page on which the customer pressed the button."""
    if any(not item.is_for_sale for item in basket.items):
        return GONE
    return CHANGED if request.POST.get("shown") != fingerprint(basket) else ""


def _shown_total(request: HttpRequest) -> int:
    """Return the total that the page showed; what is none is no order's."""
    typed = request.POST.get("total", "")
    return int(typed) if typed.isdecimal() and len(typed) < 16 else 0


def _new_total(basket: baskets.Contents, error: checkout.TotalChanged) -> str:
    """Say what the order costs now, and what its page said."""
    now, before = (
        display(amount, basket.currency) for amount in (error.total_minor, error.expected_minor)
    )
    return (
        f"The total is now {now}; this page showed {before}. You were not charged; please look at "
        "your order again."
    )


def _shortages(basket: baskets.Contents, error: OutOfStock) -> str:
    names = {item.sku: item.name for item in basket.items}
    parts = [
        f"{names.get(shortage.sku, shortage.sku)} ({shortage.available} left)"
        if shortage.available
        else f"{names.get(shortage.sku, shortage.sku)} (sold out)"
        for shortage in error.shortages
    ]
    return f"Somebody was faster: {', '.join(parts)}. You were not charged."


def _explain(basket: baskets.Contents, error: Exception) -> JsonResponse:
    """Answer for an expected refusal, or for a row lock that somebody else holds too long."""
    if isinstance(error, OperationalError):
        if not is_lock_timeout(error):
            raise error
        return _refuse(503, BUSY)
    if isinstance(error, OutOfStock):
        return _refuse(409, _shortages(basket, error), location=reverse("orders:basket"))
    if isinstance(error, checkout.TotalChanged):
        return _refuse(409, _new_total(basket, error), location=reverse("orders:review"))
    if isinstance(error, checkout.VoucherRefused):
        return _refuse(409, f"{error} You were not charged.", location=reverse("orders:basket"))
    status, text, page = REFUSALS[type(error)]
    return _refuse(status, text, location=reverse(page) if page else "")


def _refuse(status: int, detail: str, *, location: str = "") -> JsonResponse:
    return JsonResponse({"detail": detail, "location": location}, status=status)
