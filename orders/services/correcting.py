"""Putting a placed order right: how its customer is reached, and where its parcels go.

Contact changes at once. So does an address, but for requests that a warehouse has: those come back
first, and go again to the new address (see changing). What has left went to the old one.
"""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from fulfillment import queries as fulfillment
from fulfillment.services import recalling
from globalmart.core import outbox, states, timeline
from orders import events
from orders.models import Order, OrderCorrection
from orders.queries.cancellations import not_coming
from orders.queries.changes import LIVE, is_price_the_same, why_no_address, why_no_contact
from orders.services import changing, lifecycle
from orders.services.counting import count_parcels
from orders.states import CORRECTION, CorrectionKind, CorrectionState, OrderState

K, S = CorrectionKind, CorrectionState
MOST_REASON = 200
# Why a request is taken back: for the warehouse and the timeline.
NEW_ADDRESS = "it goes to another address"
ALL_LEFT = "all of it had left"
PART_LEFT = "part of it had left"
OTHER_PRICE = (
    "Tax or delivery cost something else there, and the price of this order is fixed. "
    "Please cancel the order and place it again, or ask us."
)
PARTS = ("name", "company", "line1", "line2", "city", "region", "postal_code", "country")


class CannotCorrect(changing.CannotChange):
    """The order is past correcting, or may not be changed now; the text is for the customer."""


@transaction.atomic
def correct_contact(
    *,
    order_id: int,
    email: str,
    phone: str,
    wants_sms: bool,
    actor: str,
    now: datetime,
    reason: str = "",
) -> OrderCorrection | None:
    """Have the customer reached by another e-mail address or phone from now on; None where nothing
    of it is new.

    Another e-mail address ends every link to the order that is out: who had the old one does not
    read on. Parcels that a warehouse was asked for keep the old phone number. `phone` is in
    international form or empty. Raises CannotCorrect, and ValueError for a text message without a
    number.
    """
    if wants_sms and not phone:
        raise ValueError("a text message needs a phone number")
    order = changing.lock(order_id)
    if (order.email, order.phone, order.wants_sms) == (email, phone, wants_sms):
        return None
    if words := why_no_contact(order=order, is_staff=actor.startswith("staff:")):
        raise CannotCorrect(words)
    row = OrderCorrection.objects.create(
        order=order,
        kind=K.CONTACT,
        former_email=order.email if order.email != email else "",
        reason=reason.strip()[:MOST_REASON],
        requested_by=actor,
        requested_at=now,
    )
    if row.former_email:
        order.link_version += 1
    order.email, order.phone, order.wants_sms = email, phone, wants_sms
    order.version += 1
    order.save(update_fields=["email", "phone", "wants_sms", "link_version", "version"])
    # What another address was written on already keeps that one.
    moving = _open(order_id)
    recalling.redirect(
        order_id=order_id, ship_to=lifecycle.ship_to(order, moving.wanted if moving else None)
    )
    _decide(row, S.APPLIED, row.reason, now)
    outbox.publish(events.ContactCorrected(subject_id=order_id, correction_id=row.pk))
    return row


@transaction.atomic
def correct_address(
    *, order_id: int, address: Mapping[str, str], actor: str, now: datetime, reason: str = ""
) -> OrderCorrection | None:
    """Have what has not left go to another address, as far as that goes at once; None where the
    address is the one that it has.

    `address` has the keys of an order's address. The warehouses' answers carry it on (`go_on`).
    The same wish again, while it is open, is that wish. Raises CannotCorrect.
    """
    order = changing.lock(order_id)
    new = {part: address.get(part, "").strip() for part in PARTS}
    open_row = _open(order_id)
    if open_row is not None and open_row.wanted == new:
        return open_row
    if new == {part: order.shipping_address.get(part, "") for part in PARTS}:
        return None
    if words := why_no_address(order=order, is_staff=actor.startswith("staff:")):
        raise CannotCorrect(words)
    if not is_price_the_same(order=order, address=new):
        raise CannotCorrect(OTHER_PRICE)
    row = OrderCorrection.objects.create(
        order=order,
        kind=K.ADDRESS,
        wanted=new,
        reason=reason.strip()[:MOST_REASON],
        requested_by=actor,
        requested_at=now,
    )
    _tell(row, "", row.reason)
    # What the warehouse does not have goes there already, whatever becomes of the rest.
    recalling.redirect(order_id=order_id, ship_to=lifecycle.ship_to(order, new))
    planned = fulfillment.plan_recall_of_all(order_id=order_id)
    changing.recall(order, planned.asked, reason=NEW_ADDRESS, actor=actor, now=now)
    _carry_on(order, row, now)
    return row


@transaction.atomic
def go_on(*, order_id: int, now: datetime) -> None:
    """The warehouse has said something: carry on what was asked for, if it is still open."""
    order = changing.lock(order_id)
    row = _open(order_id)
    if row is not None:
        _carry_on(order, row, now)


def _open(order_id: int) -> OrderCorrection | None:
    """Return the wish for another address that is not decided. Another contact never waits."""
    rows = OrderCorrection.objects.filter(order_id=order_id, kind=K.ADDRESS, state=S.REQUESTED)
    return rows.locked().first()


def _carry_on(order: Order, row: OrderCorrection, now: datetime) -> None:
    ahead = fulfillment.outlook(order_id=order.pk)
    if ahead.being_stopped:
        return
    is_unpaid = order.state == OrderState.PENDING_PAYMENT
    free = {} if is_unpaid else not_coming(order=order, lines=count_parcels(order), ahead=ahead)
    if is_unpaid or (order.state in LIVE and (free or ahead.unsent)):
        order.shipping_address = row.wanted
        order.version += 1
        order.save(update_fields=["shipping_address", "version"])
        _decide(row, S.APPLIED, PART_LEFT if ahead.too_late else row.reason, now)
        outbox.publish(events.AddressCorrected(subject_id=order.pk))
    else:
        _decide(row, S.REJECTED, ALL_LEFT, now)
        outbox.publish(events.AddressCorrectionRejected(subject_id=order.pk))
    if not is_unpaid:
        changing.resume(order, actor=row.requested_by, now=now)


def _decide(row: OrderCorrection, state: CorrectionState, why: str, now: datetime) -> None:
    states.require(CORRECTION, "correction", row.state, state)
    before, row.state, row.decided_at, row.wanted = row.state, state, now, {}
    row.save(update_fields=["state", "decided_at", "wanted"])
    _tell(row, before, why)


def _tell(row: OrderCorrection, before: str, reason: str) -> None:
    """Tell that something was changed, never what it was or is: the timeline is for ever."""
    timeline.record(
        subject_type="order",
        subject_id=row.order_id,
        kind=f"{row.kind}.{row.state}",
        before=before,
        after=row.state,
        actor=row.requested_by if not before or row.kind == K.CONTACT else "system",
        reason=reason,
    )
