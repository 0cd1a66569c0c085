"""Stock, requests and parcels of seeded orders, as rows to be copied."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db import transaction

from fulfillment.models import Stock, StockAdjustment, Warehouse
from fulfillment.states import FulfillmentState, ReservationState, ShipmentState

F, R, S = FulfillmentState, ReservationState, ShipmentState
REQUEST, LINE = "fulfillment_fulfillment", "fulfillment_fulfillmentline"
RESERVATION = "fulfillment_reservation"
PARCEL, PARCEL_LINE = "fulfillment_shipment", "fulfillment_shipmentline"
SCAN = "fulfillment_shipmentevent"
# Every column that matters is named: one that is added later takes its default.
COLUMNS = {
    REQUEST: (
        *("id", "order_id", "warehouse_id", "reference", "number", "sequence", "order_number"),
        *("service", "ship_to", "state", "wms_number", "is_held", "first_sent_at"),
        *("cancel_wanted_at", "cancel_reason", "state_before_cancel", "tries", "last_error"),
        *("created_at", "state_changed_at"),
    ),
    LINE: (
        *("id", "fulfillment_id", "sku", "name", "quantity", "shipped", "short"),
        "short_reason",
    ),
    RESERVATION: (
        *("id", "order_id", "warehouse_id", "sku", "quantity", "shipped", "backordered_at"),
        *("state", "created_at"),
    ),
    PARCEL: (
        *("id", "public_id", "order_id", "fulfillment_id", "warehouse_id", "wms_shipment_id"),
        *("state", "carrier", "tracking_number", "tracking_url", "shipped_at"),
        *("state_changed_at", "delivered_at", "created_at"),
    ),
    PARCEL_LINE: ("id", "shipment_id", "sku", "quantity"),
    SCAN: (
        *("id", "shipment_id", "event_id", "state", "description", "occurred_at", "created_at"),
    ),
}
# So many ids each order has in each table, whether it needs them or not.
PER_ORDER = {REQUEST: 1, LINE: 4, RESERVATION: 4, PARCEL: 2, PARCEL_LINE: 5, SCAN: 4}
REASON = "history that was seeded"
CARRIERS = (
    ("Royal Parcel", "RP", "https://track.royalparcel.example/"),
    ("Northwind Express", "NW", "https://northwind.example/track/"),
)
# On its way after so long, delivered after so much longer.
ON_THE_WAY = timedelta(hours=7)

Sink = dict[str, list[tuple[Any, ...]]]
Note = tuple[datetime, str, str, str, str, dict[str, Any]]


@dataclass(slots=True, kw_only=True)
class SeedLine:
    """Units of a SKU, how many of them have left, and what became of the rest."""

    sku: str
    name: str
    quantity: int
    shipped: int = 0
    state: ReservationState = R.CONSUMED
    short: int = 0


@dataclass(slots=True, kw_only=True)
class SeedParcel:
    public_id: str
    shipped_at: datetime
    state: ShipmentState
    delivered_at: datetime | None
    units: Mapping[str, int]


@dataclass(slots=True, kw_only=True)
class SeedRequest:
    """What an order keeps in the warehouse and what it asked of it; no `state`: nothing yet.
    Times in UTC."""

    order_id: int
    order_number: str
    service: str
    ship_to: Mapping[str, str]
    lines: Sequence[SeedLine]
    placed_at: datetime
    asked_at: datetime
    changed_at: datetime
    state: FulfillmentState | None
    is_held: bool = False
    parcels: Sequence[SeedParcel] = ()
    ids: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Shelf:
    """What the seeded orders keep and have taken of each SKU."""

    warehouse_id: int
    kept: Counter[str] = field(default_factory=Counter)
    taken: Counter[str] = field(default_factory=Counter)


def open_shelf(*, warehouse_code: str) -> Shelf:
    """Return an empty count for a warehouse. Raises Warehouse.DoesNotExist."""
    return Shelf(Warehouse.objects.get(code=warehouse_code).pk)


def write(*, seed: SeedRequest, sink: Sink, shelf: Shelf, random: Random) -> list[Note]:
    """Append the rows of one order to a sink by table and count its units; return its story."""
    ids = dict(seed.ids)
    for line in seed.lines:
        _reserve(seed, line, sink, shelf, ids)
    if seed.state is None:
        return []
    request = ids[REQUEST] + 1
    number = f"W{1_000_000 + request:08d}" if seed.state in _ARRIVED else ""
    sink[REQUEST].append(_request(seed, request, shelf.warehouse_id, number))
    for place, line in enumerate(seed.lines, start=1):
        why = "not found on the shelf" if line.short else ""
        row = (ids[LINE] + place, request, line.sku, line.name, line.quantity)
        sink[LINE].append((*row, line.shipped, line.short, why))
    notes: list[Note] = []
    if number:
        data = {"reference": f"{seed.order_number}-1"}
        notes.append((seed.asked_at, "fulfillment.accepted", "submitted", "accepted", *_BY, data))
    scans = 0
    for place, parcel in enumerate(seed.parcels, start=1):
        scans = _parcel(seed, parcel, place, scans, sink, shelf, ids, random)
        notes.append((parcel.shipped_at, "shipment.dispatched", "", "", *_BY, {"parcel": place}))
    return notes


_ARRIVED = {F.ACCEPTED, F.IN_PROGRESS, F.PARTIALLY_SHIPPED, F.SHIPPED, F.INCOMPLETE}
_ARRIVED |= {F.CANCELLATION_REQUESTED}
_BY = ("warehouse",)


def _reserve(
    seed: SeedRequest, line: SeedLine, sink: Sink, shelf: Shelf, ids: dict[str, int]
) -> None:
    ids[RESERVATION] += 1
    since = seed.changed_at.isoformat() if line.state == R.BACKORDERED else None
    row = (ids[RESERVATION], seed.order_id, shelf.warehouse_id, line.sku, line.quantity)
    sink[RESERVATION].append((*row, line.shipped, since, line.state, seed.placed_at.isoformat()))
    shelf.taken[line.sku] += line.shipped
    if line.state in {R.HELD, R.COMMITTED}:
        shelf.kept[line.sku] += line.quantity - line.shipped


def _request(seed: SeedRequest, key: int, warehouse_id: int, number: str) -> tuple[Any, ...]:
    is_stopping = seed.state == F.CANCELLATION_REQUESTED
    row = [key, seed.order_id, warehouse_id, f"{seed.order_number}-1", 1, 1, seed.order_number]
    row += [seed.service, json.dumps(seed.ship_to), seed.state, number, seed.is_held]
    row += [seed.asked_at.isoformat() if number else None]
    row += [seed.changed_at.isoformat() if is_stopping else None]
    row += ["the customer changed their mind", "accepted"] if is_stopping else ["", ""]
    return (*row, 1, "", seed.asked_at.isoformat(), seed.changed_at.isoformat())


def _parcel(
    seed: SeedRequest,
    parcel: SeedParcel,
    place: int,
    scans: int,
    sink: Sink,
    shelf: Shelf,
    ids: dict[str, int],
    random: Random,
) -> int:
    """Append a parcel with its lines and scans; return how many scans the order has by then."""
    key = ids[PARCEL] + place
    carrier, prefix, page = CARRIERS[random.random() < 0.3]
    tracking = f"{prefix}{random.randrange(10**9):09d}GB"
    shipped = parcel.shipped_at.isoformat()
    delivered = parcel.delivered_at.isoformat() if parcel.delivered_at else None
    moved = delivered or (parcel.shipped_at + ON_THE_WAY).isoformat()
    row = [key, parcel.public_id, seed.order_id, ids[REQUEST] + 1, shelf.warehouse_id]
    row += [f"P{key:09d}", parcel.state, carrier, tracking, page + tracking, shipped, moved]
    sink[PARCEL].append((*row, delivered, shipped))
    for sku, units in parcel.units.items():
        ids[PARCEL_LINE] += 1
        sink[PARCEL_LINE].append((ids[PARCEL_LINE], key, sku, units))
    told = [(S.IN_TRANSIT, (parcel.shipped_at + ON_THE_WAY).isoformat(), "On its way")]
    if delivered:
        told.append((S.DELIVERED, delivered, "Delivered"))
    for state, at, words in told:
        scans += 1
        row = [ids[SCAN] + scans, key, f"scan-{key}-{scans}", state, words, at, at]
        sink[SCAN].append(tuple(row))
    return scans


@transaction.atomic
def settle_stock(*, shelf: Shelf, at: datetime) -> None:
    """Book what the seeded orders took and keep as having arrived before them.

    What is on back-order stays so: no stock is handed out.
    """
    skus = sorted(sku for sku, units in (shelf.taken + shelf.kept).items() if units)
    Stock.objects.bulk_create(
        [Stock(warehouse_id=shelf.warehouse_id, sku=sku) for sku in skus], ignore_conflicts=True
    )
    rows = list(Stock.objects.locked().filter(warehouse_id=shelf.warehouse_id, sku__in=skus))
    for row in rows:
        row.on_hand += shelf.kept[row.sku]
        row.reserved += shelf.kept[row.sku]
    Stock.objects.bulk_update(rows, ["on_hand", "reserved"], batch_size=1000)
    StockAdjustment.objects.bulk_create(
        StockAdjustment(
            warehouse_id=shelf.warehouse_id,
            sku=sku,
            delta=shelf.taken[sku] + shelf.kept[sku],
            reason=REASON,
            actor="seed",
            created_at=at,
        )
        for sku in skus
    )
