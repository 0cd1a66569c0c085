"""Whether an order can be paid for now, in the customer's browser."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from orders.models import Order
from orders.queries.holds import is_to_pay
from payments import queries as payments

# A live attempt in one of these waits for the customer: paying (again) is safe.
AWAITS_CUSTOMER = ("created", "requires_action")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """Whether the customer may pay now, and why the last try failed (Stripe's decline code)."""

    is_open: bool
    decline_code: str
    # After many declined cards: from when (UTC) the next one is tried.
    rests_until: datetime | None = None


def get_payable(*, order: Order) -> Payable:
    """Tell whether the card form may be shown: the customer was asked for the money, and nothing
    of unknown outcome is under way."""
    if not is_to_pay(order):
        return Payable(is_open=False, decline_code="")
    attempt = payments.find_live_attempt(order_id=order.pk)
    if attempt is None:
        until = payments.resting_until(order_id=order.pk, now=timezone.now())
        return Payable(is_open=until is None, decline_code="", rests_until=until)
    is_open = attempt.state in AWAITS_CUSTOMER and attempt.mode == "browser"
    return Payable(is_open=is_open, decline_code=attempt.decline_code)
