"""What arrives for a return: told by the warehouse, or noted by staff. Each receipt counts once."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from fulfillment import queries as fulfillment
from fulfillment.queries import ReceiptView
from globalmart.core import timeline
from globalmart.core.alerts import close_alert, open_alert
from globalmart.core.ids import parse_return_number
from orders.models import Order, Return, ReturnLine, ReturnReception
from orders.services.returns import inspecting, steps
from orders.services.returns.steps import CannotReturn
from orders.states import CAME, Reception, ReturnState

ALERT = "return_unmatched"
# The condition of what counts for nothing.
SET_ASIDE = "set aside"
S = ReturnState
TAKES_GOODS = (S.AWAITING_GOODS, S.IN_TRANSIT, S.PARTIALLY_RECEIVED)
# What can still become "it came".
NOT_THERE = (
    Reception.AWAITING,
    Reception.IN_TRANSIT,
    Reception.SHORT,
    Reception.LOST_IN_TRANSIT,
)
# The condition in which a warehouse has found units; whatever else it says means whole.
CONDITIONS = {"damaged": Reception.DAMAGED, "wrong_item": Reception.WRONG_ITEM}


def match_receipt(*, receipt_id: int, now: datetime) -> bool:
    """Give what the warehouse took back to its return; tell whether one was found.

    By the number on the label, else to the only open return of the order that awaits such goods.
    What finds none is for staff.
    """
    receipt = fulfillment.get_receipt(receipt_id=receipt_id)
    return_id = _find(receipt)
    try:
        if return_id is None:
            raise CannotReturn("no return of ours awaits it")
        take_receipt(receipt_id=receipt_id, return_id=return_id, actor="warehouse", now=now)
    except CannotReturn as error:
        open_alert(
            kind=ALERT,
            subject_type="return_receipt",
            subject_id=receipt_id,
            detail=f"{receipt.quantity} x {receipt.sku} ({receipt.condition}) came back as"
            f" {receipt.receipt_id}: {error}",
        )
        return False
    return True


def _find(receipt: ReceiptView) -> int | None:
    if number := parse_return_number(receipt.rma):
        return Return.objects.filter(number=number).values_list("pk", flat=True).first()
    if receipt.order_id is None:
        return None
    awaiting = Return.objects.filter(
        order_id=receipt.order_id,
        state__in=TAKES_GOODS,
        lines__line__sku=receipt.sku,
        lines__reception__in=NOT_THERE,
    )
    found = list(awaiting.distinct().values_list("pk", flat=True)[:2])
    return found[0] if len(found) == 1 else None


@transaction.atomic
def take_receipt(*, receipt_id: int, return_id: int, actor: str, now: datetime) -> bool:
    """Count a receipt of the warehouse for a return, of its own match or by hand; tell whether it
    is new. Raises CannotReturn, and Return.DoesNotExist."""
    order, rma = steps.lock(return_id)
    receipt = fulfillment.get_receipt(receipt_id=receipt_id)
    if ReturnReception.objects.filter(receipt_id=receipt_id).exists():
        return False
    _take(
        order,
        rma,
        sku=receipt.sku,
        quantity=receipt.quantity,
        reception=CONDITIONS.get(receipt.condition, Reception.RECEIVED),
        actor=actor,
        now=now,
    )
    _note_receipt(rma, receipt, receipt.condition, actor)
    close_alert(kind=ALERT, subject_type="return_receipt", subject_id=receipt_id, now=now)
    return True


@transaction.atomic
def set_aside(*, receipt_id: int, return_id: int, reason: str, actor: str, now: datetime) -> bool:
    """A person has seen to what the warehouse took back, and it moves no units: they are other
    goods, say, or were noted by hand. Ends its alert; tells whether it is new. Raises CannotReturn
    without a reason."""
    if not reason.strip():
        raise CannotReturn("Say what became of it.")
    order, rma = steps.lock(return_id)
    receipt = fulfillment.get_receipt(receipt_id=receipt_id)
    if ReturnReception.objects.filter(receipt_id=receipt_id).exists():
        return False
    _note_receipt(rma, receipt, SET_ASIDE, actor)
    timeline.record(
        subject_type="order",
        subject_id=order.pk,
        kind="receipt.set_aside",
        actor=actor,
        reason=reason.strip(),
        data={"return": rma.number, "sku": receipt.sku, "units": receipt.quantity},
    )
    close_alert(kind=ALERT, subject_type="return_receipt", subject_id=receipt_id, now=now)
    return True


def _note_receipt(rma: Return, receipt: ReceiptView, condition: str, actor: str) -> None:
    ReturnReception.objects.create(
        rma=rma,
        receipt_id=receipt.id,
        sku=receipt.sku,
        quantity=receipt.quantity,
        condition=condition,
        recorded_by=actor,
        received_at=receipt.received_at,
    )


@transaction.atomic
def receive_by_hand(
    *,
    return_id: int,
    uuid: UUID,
    sku: str,
    quantity: int,
    reception: Reception,
    actor: str,
    now: datetime,
) -> bool:
    """Note what staff see of units: they came, or were lost, or were not in the parcel.

    The same `uuid` counts once; tells whether this call counted. Raises CannotReturn.
    """
    order, rma = steps.lock(return_id)
    if ReturnReception.objects.filter(uuid=uuid).exists():
        return False
    _take(order, rma, sku=sku, quantity=quantity, reception=reception, actor=actor, now=now)
    ReturnReception.objects.create(
        rma=rma,
        uuid=uuid,
        sku=sku,
        quantity=quantity,
        condition=reception,
        recorded_by=actor,
        received_at=now,
    )
    return True


def _take(
    order: Order,
    rma: Return,
    *,
    sku: str,
    quantity: int,
    reception: Reception,
    actor: str,
    now: datetime,
) -> None:
    """Move so many units of a SKU, those still awaited first. Raises CannotReturn."""
    if rma.state not in TAKES_GOODS:
        raise CannotReturn(f"Return {rma.number} awaits no goods: it is {rma.state}.")
    rows = [row for row in steps.lines_of(rma) if row.line.sku == sku and _takes(row, reception)]
    there = sum(row.quantity for row in rows)
    if not 0 < quantity <= there:
        raise CannotReturn(f"Return {rma.number} awaits {there} x {sku}.")
    rows.sort(key=lambda row: NOT_THERE.index(Reception(row.reception)))
    for row in rows:
        taken = min(quantity, row.quantity)
        if taken:
            steps.receive(steps.split(row, taken), reception, actor=actor)
            quantity -= taken
    inspecting.advance(order, rma, actor=actor, now=now)


def _takes(row: ReturnLine, reception: Reception) -> bool:
    places = NOT_THERE if reception in CAME else NOT_THERE[:2]
    return row.reception in places
