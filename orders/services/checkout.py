"""Place an order: one local transaction, whoever asks, however often they ask."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
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
from orders.models import Basket, Order, OrderLine
from orders.queries.preorders import payment_timing, start_of
from orders.queries.pricing import (
    NotPriced,
    Quote,
    TotalTooLarge,
    UnknownShippingMethod,
    UnknownSku,
    quote,
)
from orders.queries.representation import order_body
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
    "OutOfStock",
    "Placed",
    "Shortage",
    "Submission",
    "TotalTooLarge",
    "UnknownShippingMethod",
    "UnknownSku",
    "place_order",
]

CREATED = 201
MOST_QUANTITY = 100_000
NUMBER_TRIES = 3


class BadQuantity(Exception):
    """A quantity, or the sum of a repeated SKU's, is not between 1 and MOST_QUANTITY."""

    def __init__(self, sku: str) -> None:
        super().__init__(sku)
        self.sku = sku


class NoLines(Exception):
    """An order needs at least one line."""


class DuplicateReference(Exception):
    """This client has an order with this external_ref already."""

    def __init__(self, order_public_id: str) -> None:
        super().__init__(order_public_id)
        self.order_public_id = order_public_id


class BasketClosed(Exception):
    """The basket has become an order already, under another key."""

    def __init__(self, order_id: int) -> None:
        super().__init__(str(order_id))
        self.order_id = order_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address; `country` is ISO 3166-1 alpha-2, absent parts are empty."""

    name: str
    line1: str
    city: str
    country: str
    line2: str = ""
    region: str = ""
    postal_code: str = ""
    company: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Item:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An order as it is asked for. Prices are not part of it: they are the shop's.

    `key_scope` is `api:<client id>` or `basket:<uuid>`; `request_hash` the fingerprint of the
    body. Without `payment_method` (a Stripe id) the customer's browser pays. `charge_at_order`: the
    customer was told that the card is charged at once where the goods ship too late for a hold;
    otherwise such an order is paid for by a link, later.
    """

    key_scope: str
    key: str
    request_hash: str
    currency: str
    email: str
    name: str
    shipping_address: Address
    items: tuple[Item, ...]
    phone: str = ""
    wants_sms: bool = False
    billing_address: Address | None = None
    shipping_method: str = "standard"
    payment_method: str = ""
    charge_at_order: bool = False
    external_ref: str | None = None
    api_client_id: int | None = None
    basket_id: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_live: bool = False
    actor: str = "customer"


@dataclass(frozen=True, slots=True)
class Placed:
    """The accepted answer: HTTP status, the order's representation, and whether it is a replay."""

    order_id: int
    status: int
    body: Any
    is_replay: bool


def place_order(*, submission: Submission, now: datetime) -> Placed:
    """Place an order, or return the answer that this key already has (Tx1; no network).

    Writes, in this order: key, order and lines, account with attempt and planned operations
    (without them, where a link to pay comes later), timeline, outbox, and last the stock. A refusal
    leaves nothing, so the key may try again.
    Raises NoLines, BadQuantity, UnknownSku, NotPriced, UnknownShippingMethod, TotalTooLarge,
    OutOfStock, DuplicateReference, BasketClosed, idempotency.KeyReused, idempotency.KeyBusy.
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


def sum_quantities(items: tuple[Item, ...]) -> dict[str, int]:
    """Sum quantities per SKU, before stock is touched. Raises NoLines, BadQuantity."""
    if not items:
        raise NoLines
    quantities: dict[str, int] = {}
    for item in items:
        quantities[item.sku] = quantities.get(item.sku, 0) + item.quantity
        if item.quantity < 1 or quantities[item.sku] > MOST_QUANTITY:
            raise BadQuantity(item.sku)
    return quantities


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
    priced = quote(
        quantities=quantities,
        currency=submission.currency,
        country=submission.shipping_address.country,
        shipping_method=submission.shipping_method,
    )
    order = _insert_order(submission, priced, now)
    lines = _insert_lines(order, priced)
    _open_payment(submission, order, now)
    is_paid_later = order.payment_timing == PaymentTiming.BY_INVITATION
    body = order_body(
        order=order,
        lines=lines,
        payment_status="unpaid" if is_paid_later else "pending",
        needs_browser=not is_paid_later and not submission.payment_method,
    )
    idempotency.keep(
        scope=submission.key_scope,
        key=submission.key,
        status=CREATED,
        body=body,
        subject_id=order.pk,
    )
    timeline.record(
        subject_type="order",
        subject_id=order.pk,
        kind="order.placed",
        after=order.state,
        actor=submission.actor,
        data={"total_minor": order.total_minor, "lines": len(lines)},
    )
    outbox.publish(events.OrderPlaced(subject_id=order.pk))
    reserve(order_id=order.pk, quantities=quantities, promised_on=order.ships_from)
    failpoint("CP1", key=submission.key, order=order.pk)
    failpoint("CP2", key=submission.key, order=order.pk)
    return Placed(order.pk, CREATED, body, is_replay=False)


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


def _insert_order(submission: Submission, priced: Quote, now: datetime) -> Order:
    billing = submission.billing_address
    ships_from = priced.ships_from
    timing = payment_timing(ships_from=ships_from, is_told=submission.charge_at_order, now=now)
    is_paid_later = timing == PaymentTiming.BY_INVITATION
    deadline = now + timedelta(minutes=settings.PAYMENT_DEADLINE_MINUTES)
    return Order.objects.create(
        public_id=public_id("ord"),
        number=order_number(),
        is_live=submission.is_live,
        currency=submission.currency,
        subtotal_minor=priced.subtotal_minor,
        shipping_minor=priced.shipping_minor,
        shipping_tax_minor=priced.shipping_tax_minor,
        shipping_tax_rate_bp=priced.shipping_tax_rate_bp,
        tax_minor=priced.tax_minor,
        total_minor=priced.total_minor,
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
        ships_from=ships_from,
        payment_timing=timing,
        waits_until=start_of(ships_from) if ships_from and is_paid_later else None,
        created_at=now,
        state_changed_at=now,
        payment_due_at=None if is_paid_later else deadline,
    )


def _insert_lines(order: Order, priced: Quote) -> list[OrderLine]:
    return OrderLine.objects.bulk_create(
        OrderLine(
            public_id=public_id("lin"),
            order=order,
            position=place,
            # Reserved in the same transaction, or the order is not placed.
            allocated=line.quantity,
            **asdict(line),
        )
        for place, line in enumerate(priced.lines, start=1)
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
