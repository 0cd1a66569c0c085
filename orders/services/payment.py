"""Paying for an order in the customer's browser."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from globalmart.core.db import forbid_transaction
from orders.links import order_url
from orders.models import Order
from orders.queries.cancellations import is_cancelling
from orders.queries.holds import is_to_pay
from orders.services.lifecycle import confirm_order
from orders.states import OrderState
from payments import queries as payments
from payments.queries import AttemptView
from payments.services import browser, returning
from payments.services.intake import PaymentPlan

CoolDown = browser.CoolDown
MOST_ATTEMPTS = 5


class NotPayable(Exception):
    """The order does not wait for money: it is paid, has ended or is about to, or its goods are
    far off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserPayment:
    """What the page needs to confirm. Without `client_secret` Stripe has not answered yet, or
    the payment needs nothing more (`is_settled`)."""

    attempt_uuid: UUID
    client_secret: str | None
    is_settled: bool
    amount_minor: int
    currency: str


def start_browser_payment(*, order_id: int, now: datetime) -> BrowserPayment:
    """Make sure that the order has an intent for the browser, and return its client secret.

    Waits for the network, no longer than the caller's budget. The second call returns the same
    intent. Raises NotPayable, and CoolDown after too many declined cards.
    """
    forbid_transaction()
    attempt = _ensure_attempt(order_id=order_id, now=now)
    if browser.finish_cancel(attempt_id=attempt.id):
        # The last card was declined, and that payment is over: the next may begin at once.
        attempt = _ensure_attempt(order_id=order_id, now=now)
    secret = browser.client_secret(attempt_id=attempt.id)
    fresh = payments.find_attempt(uuid=attempt.uuid) or attempt
    return BrowserPayment(
        attempt_uuid=attempt.uuid,
        client_secret=secret if fresh.state in browser.PAYABLE else None,
        is_settled=fresh.state in browser.SETTLED,
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
    )


@transaction.atomic
def _ensure_attempt(*, order_id: int, now: datetime) -> AttemptView:
    """Return the live attempt; plan the next one where the last has ended without money."""
    order = Order.objects.locked().get(pk=order_id)
    if is_cancelling(order_id=order_id):
        raise NotPayable
    live = payments.find_live_attempt(order_id=order_id)
    if live is not None:
        return live
    if not is_to_pay(order):
        raise NotPayable
    return browser.plan_next_attempt(plan=_plan(order), now=now)


def _plan(order: Order, *, payment_method: str = "") -> PaymentPlan:
    return PaymentPlan(
        order_id=order.pk,
        order_public_id=order.public_id,
        order_number=order.number,
        currency=order.currency,
        amount_minor=payments.get_account(order_id=order.pk).due_minor,
        return_url=order_url(order),
        payment_method=payment_method,
    )


@transaction.atomic
def pay_again(*, order_id: int, now: datetime) -> None:
    """Try the same payment method once more, where we gave a confirmation up that Stripe could
    not answer: the customer has done nothing wrong, and nothing was charged.

    After a decline the customer chooses; near the deadline the order ends instead.
    """
    order = Order.objects.locked().get(pk=order_id)
    is_open = order.state == OrderState.PENDING_PAYMENT and (
        order.payment_due_at is None or order.payment_due_at > now
    )
    last = payments.find_given_up(order_id=order_id) if is_open else None
    if last is None or last.number >= MOST_ATTEMPTS:
        return
    if payments.resting_until(order_id=order_id, now=now) is None:
        plan = _plan(order, payment_method=last.payment_method)
        browser.plan_next_attempt(plan=plan, now=now)


def settle_return(*, attempt_uuid: UUID, now: datetime) -> str:
    """The customer is back: fetch the intent, apply what it says, confirm the order if paid.

    Returns the attempt's state: unknown, where Stripe does not answer. Whatever the address bar
    claims is not asked. Waits for the network. Raises LookupError for an unknown attempt.
    """
    attempt = payments.find_attempt(uuid=attempt_uuid)
    if attempt is None:
        raise LookupError(str(attempt_uuid))
    state = returning.settle_return(attempt_id=attempt.id, now=now)
    confirm_order(order_id=attempt.order_id, actor="customer", now=now)
    return state
