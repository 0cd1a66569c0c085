"""How far an order's requests to the warehouses are."""

from collections import defaultdict
from collections.abc import Sequence

from django.db.models import Exists, OuterRef

from fulfillment.models import Fulfillment, FulfillmentLine, Reservation
from fulfillment.states import FulfillmentState, ReservationState

S, R = FulfillmentState, ReservationState
ENDED = {S.SHIPPED, S.CANCELLED}


def summaries(order_ids: Sequence[int]) -> dict[int, str]:
    """Return each order's fulfillment status, derived from its requests: unfulfilled,
    partially_fulfilled, fulfilled, cancelled.

    What a request was closed short of counts as long as the order waits for it.
    """
    found: dict[int, set[str]] = defaultdict(set)
    left = FulfillmentLine.objects.filter(fulfillment=OuterRef("pk"), shipped__gt=0)
    coming = Reservation.objects.filter(
        order=OuterRef("order_id"), state__in=[R.HELD, R.COMMITTED, R.BACKORDERED]
    )
    rows = Fulfillment.objects.filter(order_id__in=order_ids).annotate(
        has_left=Exists(left), is_waiting=Exists(coming)
    )
    for order_id, state, *facts in rows.values_list("order_id", "state", "has_left", "is_waiting"):
        found[order_id] |= _ends(*facts) if state == S.INCOMPLETE else {state}
    return {order_id: _summary(found.get(order_id, set())) for order_id in order_ids}


def _ends(has_left: bool, is_waiting: bool) -> set[str]:
    """What a request that was closed short counts as: what left as shipped, what did not as never
    asked for, or still to come while the order waits for units."""
    ends: set[str] = {S.SHIPPED if has_left else S.CANCELLED}
    return ends | {S.READY} if is_waiting else ends


def _summary(states: set[str]) -> str:
    if states and states <= {S.CANCELLED}:
        return "cancelled"
    if S.SHIPPED in states and states <= ENDED:
        return "fulfilled"
    return "partially_fulfilled" if states & {S.SHIPPED, S.PARTIALLY_SHIPPED} else "unfulfilled"


def list_references(*, order_id: int) -> list[tuple[str, str, str]]:
    """Return (reference, state, warehouse's number) of the order's requests."""
    rows = Fulfillment.objects.filter(order_id=order_id).order_by("pk")
    return list(rows.values_list("reference", "state", "wms_number"))
