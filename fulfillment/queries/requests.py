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
    rows = Fulfillment.objects.filter(order_id__in=order_ids).annotate(has_left=Exists(left))
    for order_id, state, has_left in rows.values_list("order_id", "state", "has_left"):
        if state == S.INCOMPLETE:
            # It has an end: of what left as of a parcel, of what did not as if never asked for.
            found[order_id].add(S.SHIPPED if has_left else S.CANCELLED)
        else:
            found[order_id].add(state)
    for order_id in _waiting_for_goods([key for key, states in found.items() if states <= ENDED]):
        found[order_id].add(S.READY)
    return {order_id: _summary(found.get(order_id, set())) for order_id in order_ids}


def _waiting_for_goods(order_ids: Sequence[int]) -> set[int]:
    """Of orders whose requests have all ended, those that still have units coming to them."""
    rows = Reservation.objects.filter(
        order_id__in=order_ids, state__in=[R.HELD, R.COMMITTED, R.BACKORDERED]
    )
    return set(rows.values_list("order_id", flat=True))


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
