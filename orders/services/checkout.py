"""Place an order: one local transaction, whoever asks, however often they ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from fulfillment.services.stock import OutOfStock, Shortage, reserve
from globalmart.core import idempotency, outbox, timeline
from globalmart.core.db import constraint_name
from globalmart.core.failpoints import failpoint
from globalmart.core.ids import order_number, public_id
from orders import events
from orders.links import order_url
from orders.models import Basket, Order
from orders.queries.discounts import VoucherRefused
from orders.queries.preorders import payment_timing, start_of
from orders.queries.pricing import (
    NothingToPay,
    NotPriced,
    Quote,
    TotalTooLarge,
    UnknownPriceList,
    UnknownShippingMethod,
    UnknownSku,
    quote,
)
from orders.queries.representation import order_body
from orders.services.freezing import frozen_amounts, insert_order, make_discounts, make_lines
from orders.services.submissions import (
    Address,
    BadQuantity,
    BasketClosed,
    DuplicateReference,
    Item,
    NoLines,
    Submission,
    TotalChanged,
    sum_quantities,
)
from orders.services.vouchers import take_voucher
from orders.states import PaymentTiming
from payments.services.intake import PaymentPlan, open_account, open_payment

# What place_order takes, gives and raises, in one place for whoever calls it.
__all__ = [
    "Address",
    "BadQuantity",
    "BasketClosed",
    "DuplicateReference",
    "Item",
    "NoLines",
    "NotPriced",
    "NothingToPay",
    "OutOfStock",
    "Placed",
    "Shortage",
    "Submission",
    "TotalChanged",
    "TotalTooLarge",
    "UnknownPriceList",
    "UnknownShippingMethod",
    "UnknownSku",
    "VoucherRefused",
    "place_order",
    "sum_quantities",
]

CREATED = 201
NUMBER_TRIES = 3


@dataclass(frozen=True, slots=True)
class Placed:
    """The accepted answer: HTTP status, the order's representation, and whether it is a replay."""

    order_id: int
    status: int
    body: Any
    is_replay: bool


def place_order(*, submission: Submission, now: datetime) -> Placed:
    """Place an order, or return the answer that this key already has (Tx1; no network).

    Writes, in this order: key, order with lines and discounts, voucher, account with attempt and
    planned operations (without them, where a link to pay comes later), timeline, outbox, and last
    the stock. A refusal leaves nothing, so the key may try again.
    Raises NoLines, BadQuantity, UnknownSku, NotPriced, UnknownPriceList, UnknownShippingMethod,
    VoucherRefused, TotalTooLarge, NothingToPay, TotalChanged, OutOfStock, DuplicateReference,
    BasketClosed, idempotency.KeyReused, idempotency.KeyBusy.
    """
    quantities = sum_quantities(submission.items)
    for attempt in range(NUMBER_TRIES):
        try:
            placed = _place(submission, quantities, now)
        except IntegrityError as error:
            broken = constraint_name(error)
            if broken == "one_order_per_external_ref":
                raise DuplicateReference(_existing(submission)) from error
            if "number" not in broken or attempt == NUMBER_TRIES - 1:
                raise
        else:
            failpoint("CP3", order=placed.order_id)
            return placed
    raise AssertionError("unreachable")


def _existing(submission: Submission) -> str:
    return Order.objects.values_list("public_id", flat=True).get(
        api_client_id=submission.api_client_id, external_ref=submission.external_ref
    )


@transaction.atomic(durable=True)
def _place(submission: Submission, quantities: Mapping[str, int], now: datetime) -> Placed:
    _lock_basket(submission)
    stored = idempotency.claim(
        scope=submission.key_scope, key=submission.key, request_hash=submission.request_hash
    )
    if stored is not None:
        return Placed(stored.subject_id, stored.status, stored.body, is_replay=True)
    _refuse_second_order_of_basket(submission)
    priced = _quote(submission, quantities, now)
    order = _make_order(submission, priced, now)
    lines = make_lines(order=order, priced=priced)
    discounts = make_discounts(order=order, priced=priced)
    insert_order(order=order, lines=lines, discounts=discounts)
    if priced.voucher is not None and priced.is_voucher_applied:
        take_voucher(order=order, voucher_id=priced.voucher.pk, now=now)
    _open_payment(submission, order, now)
    is_paid_later = order.payment_timing == PaymentTiming.BY_INVITATION
    body = order_body(
        order=order,
        lines=lines,
        discounts=discounts,
        payment_status="unpaid" if is_paid_later else "pending",
        needs_browser=not is_paid_later and not submission.payment_method,
    )
    _tell(submission, order, idempotency.Stored(CREATED, body, order.pk), len(lines))
    reserve(order_id=order.pk, quantities=quantities, promised_on=order.ships_from)
    failpoint("CP1", key=submission.key, order=order.pk)
    failpoint("CP2", key=submission.key, order=order.pk)
    return Placed(order.pk, CREATED, body, is_replay=False)


def _tell(submission: Submission, order: Order, stored: idempotency.Stored, lines: int) -> None:
    """Keep the answer, begin the order's story, and publish that it was placed."""
    entry = timeline.entry(
        subject_type="order",
        subject_id=order.pk,
        kind="order.placed",
        after=order.state,
        actor=submission.actor,
        data={"total_minor": order.total_minor, "lines": lines},
    )
    event = outbox.outbox_row(events.OrderPlaced(subject_id=order.pk))
    idempotency.accept(
        stored=stored,
        scope=submission.key_scope,
        key=submission.key,
        entry=entry,
        event=event,
    )


def _lock_basket(submission: Submission) -> None:
    if submission.basket_id is not None:
        Basket.objects.locked().get(pk=submission.basket_id)


def _refuse_second_order_of_basket(submission: Submission) -> None:
    """Under the basket's lock: its order, if there is one, was placed under another key."""
    if submission.basket_id is None:
        return
    found = Order.objects.filter(basket_id=submission.basket_id).values_list("pk", flat=True)
    if existing := found.first():
        raise BasketClosed(existing)


def _quote(submission: Submission, quantities: Mapping[str, int], now: datetime) -> Quote:
    """Price the order, and see that it costs what the customer was shown."""
    address = submission.shipping_address
    priced = quote(
        quantities=quantities,
        currency=submission.currency,
        country=address.country,
        region=address.region,
        shipping_method=submission.shipping_method,
        price_list=submission.price_list,
        voucher=submission.voucher,
        email=submission.email,
        now=now,
    )
    expected = submission.expected_total_minor
    if expected is not None and expected != priced.total_minor:
        raise TotalChanged(expected_minor=expected, total_minor=priced.total_minor)
    return priced


def _make_order(submission: Submission, priced: Quote, now: datetime) -> Order:
    billing = submission.billing_address
    ships_from = priced.ships_from
    timing = payment_timing(ships_from=ships_from, is_told=submission.charge_at_order, now=now)
    is_paid_later = timing == PaymentTiming.BY_INVITATION
    deadline = now + timedelta(minutes=settings.PAYMENT_DEADLINE_MINUTES)
    return Order(
        public_id=public_id("ord"),
        number=order_number(),
        is_live=submission.is_live,
        currency=submission.currency,
        **frozen_amounts(priced),
        email=submission.email,
        name=submission.name,
        phone=submission.phone,
        wants_sms=submission.wants_sms,
        shipping_address=submission.shipping_address.as_dict(),
        billing_address=billing.as_dict() if billing else None,
        shipping_method=submission.shipping_method,
        metadata=dict(submission.metadata),
        api_client_id=submission.api_client_id,
        external_ref=submission.external_ref,
        basket_id=submission.basket_id,
        payment_timing=timing,
        waits_until=start_of(ships_from) if ships_from and is_paid_later else None,
        created_at=now,
        state_changed_at=now,
        payment_due_at=None if is_paid_later else deadline,
    )


def _open_payment(submission: Submission, order: Order, now: datetime) -> None:
    plan = PaymentPlan(
        order_id=order.pk,
        order_public_id=order.public_id,
        order_number=order.number,
        currency=order.currency,
        amount_minor=order.total_minor,
        return_url=order_url(order),
        payment_method=submission.payment_method,
    )
    if order.payment_timing == PaymentTiming.BY_INVITATION:
        open_account(plan=plan)
    else:
        open_payment(plan=plan, now=now)
