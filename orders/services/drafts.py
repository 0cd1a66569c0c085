"""Orders that staff take by telephone: noted as drafts, priced at each change, then placed.

A draft promises nothing: no stock is reserved, no money is asked for, and its customer sees
nothing of it. Placing it prices it once more.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from fulfillment.services.stock import reserve
from globalmart.core import outbox, timeline
from globalmart.core.db import constraint_name
from globalmart.core.ids import order_number, public_id
from orders import events
from orders.links import order_url
from orders.models import Order, OrderDiscount, OrderDraft, OrderLine
from orders.queries.preorders import is_long_wait, start_of
from orders.queries.pricing import Quote, quote
from orders.services.counting import cancel_units
from orders.services.freezing import frozen_amounts, make_discounts, make_lines
from orders.services.lifecycle import move_order
from orders.services.submissions import Item, NoLines, TotalChanged, sum_quantities
from orders.services.vouchers import take_voucher
from orders.states import OrderState, PaymentTiming
from payments.services.intake import PaymentPlan, open_account

# The name that PostgreSQL gives to the uniqueness of the draft's key.
KEY_CONSTRAINT = "orders_orderdraft_key_key"


class NoDraft(Exception):
    """The order is no draft any more: it was placed, or discarded. `order_id` says which."""

    def __init__(self, order_id: int) -> None:
        super().__init__(str(order_id))
        self.order_id = order_id


class DraftChanged(Exception):
    """Somebody else has changed the draft since it was read; its version is `version` now."""

    def __init__(self, version: int) -> None:
        super().__init__(str(version))
        self.version = version


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """All that a draft says, as it is to be; what is not known yet is empty. `address` has the
    parts of `submissions.Address`, its country at least."""

    currency: str
    items: tuple[Item, ...] = ()
    email: str = ""
    name: str = ""
    phone: str = ""
    wants_sms: bool = False
    address: dict[str, str] = field(default_factory=dict)
    shipping_method: str = ""
    voucher: str = ""
    note: str = ""


def price_draft(*, wanted: Wanted, now: datetime) -> Quote | None:
    """Return what a draft costs now, or None while nothing is in it. Raises what `quote` raises,
    and BadQuantity."""
    if not wanted.items:
        return None
    return quote(
        quantities=sum_quantities(wanted.items),
        currency=wanted.currency,
        country=wanted.address.get("country", ""),
        region=wanted.address.get("region", ""),
        shipping_method=wanted.shipping_method,
        voucher=wanted.voucher,
        email=wanted.email,
        now=now,
    )


def save_draft(
    *, key: UUID, wanted: Wanted, actor: str, now: datetime, version: int | None = None
) -> Order:
    """Write a draft down, a new one under a new key; the same key again changes the same draft.

    `version` is the order's that was read, None before there was one. Raises DraftChanged where it
    is another by now and does not say the same, NoDraft, BadQuantity, and what `quote` raises;
    then nothing is written.
    """
    try:
        return _save(key, wanted, actor, now, version)
    except IntegrityError as error:
        if constraint_name(error) != KEY_CONSTRAINT:
            raise
        # Sent twice at once: the other one has made it.
        return _save(key, wanted, actor, now, version)


@transaction.atomic
def _save(key: UUID, wanted: Wanted, actor: str, now: datetime, version: int | None) -> Order:
    priced = price_draft(wanted=wanted, now=now)
    known = OrderDraft.objects.filter(key=key).values_list("order_id", flat=True).first()
    if known is None:
        order = _create(key, wanted, actor, now)
        draft = order.draft
    else:
        order, draft = _lock(known)
        # What is sent twice says the same: nobody is overwritten.
        if version != order.version and not _says(order, wanted):
            raise DraftChanged(order.version)
        order.version += 1
    _write(order, wanted, priced)
    draft.voucher, draft.note = wanted.voucher, wanted.note
    draft.save(update_fields=["voucher", "note"])
    return order


@transaction.atomic
def submit_draft(*, order_id: int, expected_total_minor: int, actor: str, now: datetime) -> Order:
    """Place the order: prices frozen, stock reserved, the link to pay sent. Again, it is the same
    order.

    As with every order that is paid for by a link, the account is opened now, and an attempt when
    the customer comes to pay; goods too far off for a hold are asked for when they are near.
    Raises NoDraft, NoLines, TotalChanged where it costs something else than staff were shown,
    OutOfStock, and what `quote` raises; then nothing is written.
    """
    order = Order.objects.locked().get(pk=order_id)
    draft = OrderDraft.objects.locked().get(order=order)
    if draft.submitted_at is not None:
        return order
    if order.state != OrderState.DRAFT:
        raise NoDraft(order_id)
    wanted = read_draft(order)
    priced = price_draft(wanted=wanted, now=now)
    if priced is None:
        raise NoLines
    if priced.total_minor != expected_total_minor:
        raise TotalChanged(expected_minor=expected_total_minor, total_minor=priced.total_minor)
    _freeze(order, priced, now)
    draft.submitted_at, draft.submitted_by = now, actor
    draft.save(update_fields=["submitted_at", "submitted_by"])
    if priced.voucher is not None and priced.is_voucher_applied:
        take_voucher(order=order, voucher_id=priced.voucher.pk, now=now)
    open_account(plan=_plan(order))
    event = events.OrderPlaced(subject_id=order.pk)
    move_order(order, OrderState.PENDING_PAYMENT, event, actor=actor, now=now)
    outbox.publish(events.PayLinkSent(subject_id=order.pk))
    reserve(
        order_id=order.pk,
        quantities={line.sku: line.quantity for line in priced.lines},
        promised_on=order.ships_from,
    )
    return order


@transaction.atomic
def discard_draft(*, order_id: int, actor: str, now: datetime) -> bool:
    """Give a draft up; tell whether this call did. Raises NoDraft for an order that was placed."""
    order = Order.objects.locked().get(pk=order_id)
    draft = OrderDraft.objects.locked().get(order=order)
    if draft.submitted_at is not None:
        raise NoDraft(order_id)
    if order.state == OrderState.CANCELLED:
        return False
    cancel_units(order, {line.position: line.quantity for line in order.lines.all()})
    event = events.DraftDiscarded(subject_id=order.pk)
    move_order(order, OrderState.CANCELLED, event, actor=actor, now=now)
    return True


def read_draft(order: Order) -> Wanted:
    """Return what a draft says."""
    return Wanted(
        currency=order.currency,
        items=tuple(Item(line.sku, line.quantity) for line in order.lines.order_by("position")),
        email=order.email,
        name=order.name,
        phone=order.phone,
        wants_sms=order.wants_sms,
        address=order.shipping_address,
        shipping_method=order.shipping_method,
        voucher=order.draft.voucher,
        note=order.draft.note,
    )


def _says(order: Order, wanted: Wanted) -> bool:
    """Tell whether a draft says this already, in whatever order its lines were typed."""
    said = read_draft(order)
    is_same = replace(said, items=()) == replace(wanted, items=())
    return is_same and set(said.items) == set(wanted.items)


def _create(key: UUID, wanted: Wanted, actor: str, now: datetime) -> Order:
    order = Order.objects.create(
        public_id=public_id("ord"),
        number=order_number(),
        state=OrderState.DRAFT,
        is_live=settings.IS_LIVE,
        currency=wanted.currency,
        subtotal_minor=0,
        shipping_minor=0,
        tax_minor=0,
        total_minor=0,
        shipping_address={},
        created_at=now,
        state_changed_at=now,
    )
    OrderDraft.objects.create(order=order, key=key, created_by=actor, created_at=now)
    timeline.record(
        subject_type="order",
        subject_id=order.pk,
        kind=f"order.{OrderState.DRAFT}",
        after=OrderState.DRAFT,
        actor=actor,
    )
    return order


def _lock(order_id: int) -> tuple[Order, OrderDraft]:
    order = Order.objects.locked().get(pk=order_id)
    draft = OrderDraft.objects.locked().get(order=order)
    if order.state != OrderState.DRAFT:
        raise NoDraft(order_id)
    return order, draft


NOTHING = {
    "subtotal_minor": 0,
    "shipping_minor": 0,
    "discount_minor": 0,
    "shipping_discount_minor": 0,
    "shipping_tax_minor": 0,
    "shipping_tax_rate_bp": 0,
    "tax_minor": 0,
    "tax_added_minor": 0,
    "total_minor": 0,
    "ships_from": None,
}


def _write(order: Order, wanted: Wanted, priced: Quote | None) -> None:
    order.currency = wanted.currency
    order.email, order.name, order.phone = wanted.email, wanted.name, wanted.phone
    order.wants_sms = wanted.wants_sms
    order.shipping_address = wanted.address
    order.shipping_method = wanted.shipping_method
    _set_amounts(order, priced)
    order.save()
    order.lines.all().delete()
    order.discounts.all().delete()
    if priced is not None:
        OrderLine.objects.bulk_create(make_lines(order=order, priced=priced, is_reserved=False))
        OrderDiscount.objects.bulk_create(make_discounts(order=order, priced=priced))


def _set_amounts(order: Order, priced: Quote | None) -> None:
    for name, value in (NOTHING if priced is None else frozen_amounts(priced)).items():
        setattr(order, name, value)


def _freeze(order: Order, priced: Quote, now: datetime) -> None:
    """Write the prices down for good, and until when the order waits for its payment."""
    _set_amounts(order, priced)
    order.lines.all().delete()
    order.discounts.all().delete()
    OrderLine.objects.bulk_create(make_lines(order=order, priced=priced))
    OrderDiscount.objects.bulk_create(make_discounts(order=order, priced=priced))
    order.created_at = now
    order.payment_timing = PaymentTiming.BY_INVITATION
    if priced.ships_from and is_long_wait(ships_from=priced.ships_from, now=now):
        order.waits_until = start_of(priced.ships_from)
    else:
        order.payment_due_at = now + timedelta(hours=settings.PAY_LINK_HOURS)
        order.waits_until = order.payment_due_at


def _plan(order: Order) -> PaymentPlan:
    return PaymentPlan(
        order_id=order.pk,
        order_public_id=order.public_id,
        order_number=order.number,
        currency=order.currency,
        amount_minor=order.total_minor,
        return_url=order_url(order),
    )
