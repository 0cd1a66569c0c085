"""Parcels as other apps may see them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fulfillment.models import Shipment


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
    # What the carrier said last, and since when its state is what it is.
    news: str
    moved_at: datetime
    delivered_at: datetime | None


def list_shipments(order_ids: Sequence[int]) -> dict[int, list[ShipmentView]]:
    """Return the parcels of each order, oldest first; an order without any has no entry."""
    rows = Shipment.objects.filter(order_id__in=order_ids).prefetch_related("lines", "events")
    rows = rows.order_by("pk")
    found: dict[int, list[ShipmentView]] = defaultdict(list)
    for row in rows:
        found[row.order_id].append(_view(row))
    return dict(found)


def get_shipment(*, shipment_id: int) -> ShipmentView:
    """Return one parcel. Raises Shipment.DoesNotExist."""
    return _view(Shipment.objects.prefetch_related("lines", "events").get(pk=shipment_id))


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
        news=_last_words(row),
        moved_at=row.state_changed_at,
        delivered_at=row.delivered_at,
    )


def _last_words(row: Shipment) -> str:
    events = sorted(row.events.all(), key=lambda each: (each.occurred_at, each.pk))
    return events[-1].description if events else ""
