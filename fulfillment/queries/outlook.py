"""What may still become of an order's requests: what can be stopped, comes, or is missing."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import F

from fulfillment.models import Fulfillment, FulfillmentLine, Reservation
from fulfillment.states import FulfillmentState, ReservationState

S = FulfillmentState
ENDED = (S.SHIPPED, S.CANCELLED, S.INCOMPLETE)
# Nothing of these has left, and the warehouse may still be asked to stop them.
STOPPABLE = (
    S.PLANNED,
    S.ON_HOLD,
    S.READY,
    S.REJECTED,
    S.SUBMITTING,
    S.SUBMIT_UNKNOWN,
    S.SUBMITTED,
    S.ACCEPTED,
    S.IN_PROGRESS,
    S.CANCELLATION_REQUESTED,
)
# Of these nothing was ever sent: they can be taken back without asking anybody.
HERE = (S.PLANNED, S.ON_HOLD, S.READY, S.REJECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """An order's requests by what can still become of them; `coming` is units by SKU."""

    unsent: int
    at_warehouse: int
    being_stopped: int
    too_late: int
    coming: Mapping[str, int]

    @property
    def can_be_stopped(self) -> bool:
        """Whether asking to stop the order could stop any of it."""
        return self.unsent + self.at_warehouse > 0


def outlook(*, order_id: int) -> Outlook:
    """Return how far the order's requests have come; without any, all is zero."""
    found: Counter[str] = Counter()
    coming: Counter[str] = Counter()
    rows = Fulfillment.objects.filter(order_id=order_id).prefetch_related("lines")
    for row in rows:
        found[kind_of(row)] += 1
        if row.state not in ENDED:
            for line in row.lines.all():
                coming[line.sku] += line.quantity - line.shipped - line.short
    return Outlook(
        unsent=found["unsent"],
        at_warehouse=found["at_warehouse"],
        being_stopped=found["being_stopped"],
        too_late=found["too_late"],
        coming=+coming,
    )


def kind_of(row: Fulfillment) -> str:
    """Tell how far a request is: cancelled, too_late, being_stopped, unsent or at_warehouse."""
    if row.state == S.CANCELLED:
        return "cancelled"
    if row.is_too_late or row.state not in STOPPABLE:
        return "too_late"
    if row.cancel_wanted_at is not None:
        return "being_stopped"
    is_unsent = row.state in HERE and (row.first_sent_at is None or row.state == S.REJECTED)
    return "unsent" if is_unsent else "at_warehouse"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortLine:
    """Units of a SKU that a warehouse was asked for and will not ship, and why."""

    sku: str
    quantity: int
    reason: str


def list_short(*, fulfillment_id: int) -> list[ShortLine]:
    """Return what of a request the warehouse will not ship."""
    rows = FulfillmentLine.objects.filter(fulfillment_id=fulfillment_id, short__gt=0)
    return [
        ShortLine(sku=row.sku, quantity=row.short, reason=row.short_reason)
        for row in rows.order_by("pk")
    ]


def coming_from(*, order_id: int, warehouse_id: int) -> frozenset[str]:
    """Return what the order's live requests to a warehouse ask for and that has not left yet."""
    lines = FulfillmentLine.objects.filter(
        fulfillment__order_id=order_id, fulfillment__warehouse_id=warehouse_id
    ).exclude(fulfillment__state__in=ENDED)
    return frozenset(
        lines.filter(quantity__gt=F("shipped") + F("short")).values_list("sku", flat=True)
    )


def list_backorders(*, order_id: int) -> dict[tuple[int, str], int]:
    """Return how many units the order waits for, by the warehouse's key and the SKU."""
    waiting = Reservation.objects.filter(order_id=order_id, state=ReservationState.BACKORDERED)
    return {(row.warehouse_id, row.sku): row.quantity - row.shipped for row in waiting}


def reserved_units(*, order_id: int) -> dict[str, int]:
    """Return how many units of which SKUs are kept for the order, or waited for."""
    found: Counter[str] = Counter()
    ended = (ReservationState.RELEASED, ReservationState.CONSUMED)
    for row in Reservation.objects.filter(order_id=order_id).exclude(state__in=ended):
        found[row.sku] += row.quantity - row.shipped
    return dict(found)


def allocated_units(*, order_id: int) -> dict[str, int]:
    """Return how many units of which SKUs are reserved for the order and have not left; what is on
    back-order is not among them."""
    found: Counter[str] = Counter()
    taken = (ReservationState.HELD, ReservationState.COMMITTED)
    for row in Reservation.objects.filter(order_id=order_id, state__in=taken):
        found[row.sku] += row.quantity - row.shipped
    return dict(found)


def warehouse_of(*, fulfillment_id: int) -> int:
    """Return the key of the warehouse that a request went to. Raises Fulfillment.DoesNotExist."""
    return Fulfillment.objects.values_list("warehouse_id", flat=True).get(pk=fulfillment_id)
