"""How far an order's requests to the warehouses are."""

from collections import defaultdict
from collections.abc import Sequence

from fulfillment.models import Fulfillment
from fulfillment.states import FulfillmentState


def summaries(order_ids: Sequence[int]) -> dict[int, str]:
    """Return each order's fulfillment status, derived from its requests: unfulfilled,
    partially_fulfilled, fulfilled, cancelled."""
    rows = Fulfillment.objects.filter(order_id__in=order_ids).values_list("order_id", "state")
    found: dict[int, set[str]] = defaultdict(set)
    for order_id, state in rows:
        found[order_id].add(state)
    return {order_id: _summary(found.get(order_id, set())) for order_id in order_ids}


def _summary(states: set[str]) -> str:
    if states and states <= {FulfillmentState.CANCELLED}:
        return "cancelled"
    if FulfillmentState.SHIPPED in states and states <= {
        FulfillmentState.SHIPPED,
        FulfillmentState.CANCELLED,
    }:
        return "fulfilled"
    shipped = {FulfillmentState.SHIPPED, FulfillmentState.PARTIALLY_SHIPPED}
    return "partially_fulfilled" if states & shipped else "unfulfilled"


def list_references(*, order_id: int) -> list[tuple[str, str, str]]:
    """Return (reference, state, warehouse's number) of the order's requests."""
    rows = Fulfillment.objects.filter(order_id=order_id).order_by("pk")
    return list(rows.values_list("reference", "state", "wms_number"))
