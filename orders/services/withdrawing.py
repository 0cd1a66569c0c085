"""Withdrawing from the contract (Directive 2011/83/EU, Art. 9 to 14; Art. 11a: by a function).

A statement inside the period counts when it is received; nobody decides about it. What has not left
is cancelled, what has comes back as a return of its own kind, each as soon as that is known.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from uuid import UUID, uuid5

from django.db import transaction

from globalmart.core import outbox, timeline
from orders import events
from orders.models import CancellationLine, Order, Withdrawal
from orders.queries import returns, withdrawals
from orders.queries.changes import cancellable_units, is_changing
from orders.services import cancelling
from orders.services.returns import deciding, requesting
from orders.states import AT_REST, OrderState

CUSTOMER = "customer"
REASON = "withdrawal"


class CannotWithdraw(Exception):
    """The period is over, or there is nothing of the kind; the text is for the customer."""


@transaction.atomic
def withdraw(
    *,
    order_id: int,
    uuid: UUID,
    name: str,
    email: str,
    units: Mapping[int, int],
    now: datetime,
) -> Withdrawal:
    """Receive a withdrawal from units, by the lines' positions, and act on it as far as that goes
    now; the same `uuid` is one statement. The receipt goes to `email`.

    Raises CannotWithdraw.
    """
    order = Order.objects.locked().get(pk=order_id)
    found = Withdrawal.objects.filter(order=order, uuid=uuid).first()
    if found is not None:
        return found
    if not withdrawals.is_open(order=order, now=now):
        raise CannotWithdraw("The time to withdraw from this contract is over.")
    row = Withdrawal.objects.create(
        order=order,
        uuid=uuid,
        name=name,
        email=email,
        is_whole=_check(order, units),
        units={str(place): count for place, count in sorted(units.items()) if count},
        received_at=now,
    )
    timeline.record(
        subject_type="order",
        subject_id=order_id,
        kind="withdrawal.received",
        actor=CUSTOMER,
        data={"units": row.units, "is_whole": row.is_whole},
    )
    outbox.publish(events.WithdrawalReceived(subject_id=order_id, withdrawal_id=row.pk))
    _act(order, row, now)
    return row


def _check(order: Order, units: Mapping[int, int]) -> bool:
    """Tell whether the units are all that can be withdrawn from. Raises CannotWithdraw."""
    there = {each.line.position: each for each in withdrawals.list_withdrawable(order=order)}
    chosen = {place: count for place, count in units.items() if count}
    if not chosen:
        raise CannotWithdraw("Choose from what you withdraw.")
    for place, count in chosen.items():
        most = there[place].quantity if place in there else 0
        if not 0 < count <= most:
            raise CannotWithdraw(f"Of line {place}, you can withdraw from {most}.")
    return all(chosen.get(place) == each.quantity for place, each in there.items())


@transaction.atomic
def go_on(*, order_id: int, now: datetime) -> None:
    """Goods have left, or could not be stopped: act on what was stated and is not settled."""
    if not Withdrawal.objects.filter(order_id=order_id, settled_at__isnull=True).exists():
        return
    order = Order.objects.locked().get(pk=order_id)
    for row in Withdrawal.objects.filter(order=order, settled_at__isnull=True).locked():
        _act(order, row, now)


def _act(order: Order, row: Withdrawal, now: datetime) -> None:
    if order.state not in AT_REST and not is_changing(order_id=order.pk):
        _stop(order, row, now)
    _take_back(order, row, now)
    order.refresh_from_db()
    if order.state == OrderState.CANCELLED or not _open_units(order, row):
        row.settled_at = now
        row.save(update_fields=["settled_at"])


def _stop(order: Order, row: Withdrawal, now: datetime) -> None:
    """What has not left is not to leave; what cannot be stopped comes back."""
    try:
        with transaction.atomic():
            if row.is_whole:
                cancelling.request_cancellation(
                    order_id=order.pk, reason=_reason(row), actor=CUSTOMER, now=now
                )
                return
            can = cancellable_units(order=order)
            wanted = _open_units(order, row)
            units = {place: min(count, can.get(place, 0)) for place, count in wanted.items()}
            if any(units.values()):
                cancelling.request_units(
                    order_id=order.pk, units=units, reason=_reason(row), actor=CUSTOMER, now=now
                )
    except cancelling.CannotCancel:
        # In dispute, or too late: what leaves comes back, and time tells staff of the rest.
        return


def _reason(row: Withdrawal) -> str:
    """The reason of cancellations, by which a statement finds its own again."""
    return f"{REASON} {row.pk}"


def _take_back(order: Order, row: Withdrawal, now: datetime) -> None:
    """Open a return of what has left of the units and is in no return yet."""
    open_units = _open_units(order, row)
    requesting.give_way(order, open_units, now=now)
    there = {each.line.position: each.quantity for each in returns.list_returnable(order=order)}
    wanted = {
        place: min(count, there[place]) for place, count in open_units.items() if place in there
    }
    if not wanted:
        return
    number = row.returns.count() + 1
    rma = requesting.open_return(
        order,
        uuid=uuid5(row.uuid, str(number)),
        units=wanted,
        reasons=dict.fromkeys(wanted, REASON),
        actor=CUSTOMER,
        now=now,
        withdrawal=row,
    )
    deciding.await_goods(rma, now)


def _open_units(order: Order, row: Withdrawal) -> dict[int, int]:
    """Return by position the units of a withdrawal that are not cancelled nor in its returns."""
    back: Counter[int] = Counter()
    for rma in row.returns.prefetch_related("lines__line"):
        for each in rma.lines.all():
            back[each.line.position] += each.quantity
    given_up: Counter[int] = Counter()
    stopped = CancellationLine.objects.filter(
        cancellation__order=order, cancellation__reason=_reason(row)
    )
    for position, count in stopped.values_list("line__position", "given_up"):
        given_up[position] += count
    found = {}
    for line in order.lines.all():
        stated = row.units.get(str(line.position), 0) - given_up[line.position]
        count = min(stated, line.quantity - line.cancelled) - back[line.position]
        if count > 0:
            found[line.position] = count
    return found
