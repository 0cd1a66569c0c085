"""What others may ask about stock and shipping."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, QuerySet, Sum

from fulfillment.models import Fulfillment, Shipment, Stock, Warehouse
from fulfillment.states import FULFILLMENT_AGE, FulfillmentState
from globalmart.core.choreography import MOST_STUCK, Stuck


@dataclass(frozen=True, slots=True)
class ShipmentView:
    """A parcel as other apps may see it; `lines` are (sku, quantity)."""

    id: int
    public_id: str
    order_id: int
    state: str
    carrier: str
    tracking_number: str
    tracking_url: str
    shipped_at: datetime
    lines: tuple[tuple[str, int], ...]


def available(skus: Iterable[str]) -> dict[str, int]:
    """Return how many units of each SKU can be sold, over active warehouses; 0 if unknown."""
    wanted = list(skus)
    rows = Stock.objects.filter(sku__in=wanted, warehouse__is_active=True).values("sku")
    found = rows.annotate(left=Sum(F("on_hand") - F("reserved"))).values_list("sku", "left")
    return {**dict.fromkeys(wanted, 0), **dict(found)}


def skus_in_stock() -> QuerySet[Stock, str]:
    """Return the SKUs of which a unit can be sold, to be used as a subquery."""
    rows = Stock.objects.filter(warehouse__is_active=True, on_hand__gt=F("reserved"))
    return rows.values_list("sku", flat=True)


def list_shipments(order_ids: Sequence[int]) -> dict[int, list[ShipmentView]]:
    """Return the parcels of each order, oldest first; an order without any has no entry."""
    rows = Shipment.objects.filter(order_id__in=order_ids).prefetch_related("lines").order_by("pk")
    found: dict[int, list[ShipmentView]] = defaultdict(list)
    for row in rows:
        found[row.order_id].append(_view(row))
    return dict(found)


def get_shipment(*, shipment_id: int) -> ShipmentView:
    """Return one parcel. Raises Shipment.DoesNotExist."""
    return _view(Shipment.objects.prefetch_related("lines").get(pk=shipment_id))


def _view(row: Shipment) -> ShipmentView:
    return ShipmentView(
        id=row.pk,
        public_id=row.public_id,
        order_id=row.order_id,
        state=row.state,
        carrier=row.carrier,
        tracking_number=row.tracking_number,
        tracking_url=row.tracking_url,
        shipped_at=row.shipped_at,
        lines=tuple((line.sku, line.quantity) for line in row.lines.all()),
    )


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


def has_due_requests(*, now: datetime) -> bool:
    """Tell whether a request waits to be sent or looked up."""
    return Fulfillment.objects.due(now=now).exists()


def has_due_polls(*, now: datetime) -> bool:
    """Tell whether a warehouse is to be asked for changes."""
    return Warehouse.objects.due(now=now).exists()


def list_stuck(*, now: datetime) -> list[Stuck]:
    """Return requests older in their state than the state's age."""
    return [
        Stuck(
            "order",
            row.order_id,
            "fulfillment_stuck",
            f"{row.reference} has been {state} since {row.state_changed_at:%F %T}",
        )
        for state, age in FULFILLMENT_AGE.items()
        for row in Fulfillment.objects.filter(state=state, state_changed_at__lt=now - age).order_by(
            "state_changed_at"
        )[:MOST_STUCK]
    ]
