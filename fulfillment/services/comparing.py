"""One request of ours and the warehouse's view of it: whether, and how, they differ."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db import models

from fulfillment.gateways.wms import WarehouseOrder
from fulfillment.states import FulfillmentState

S = FulfillmentState
# What of ours fits what the warehouse says. A cancellation that is asked for fits whatever is not
# an end: its answer is on the way.
FITS: Mapping[str, frozenset[str]] = {
    "received": frozenset({S.SUBMITTED, S.ACCEPTED, S.CANCELLATION_REQUESTED}),
    "picking": frozenset({S.IN_PROGRESS, S.CANCELLATION_REQUESTED}),
    "packed": frozenset({S.IN_PROGRESS, S.CANCELLATION_REQUESTED}),
    "partially_shipped": frozenset({S.PARTIALLY_SHIPPED}),
    "shipped": frozenset({S.SHIPPED}),
    "closed_short": frozenset({S.INCOMPLETE}),
    "cancelled": frozenset({S.CANCELLED}),
}


class Kind(models.TextChoices):
    """How the two can differ."""

    MISSING_HERE = "missing_here"  # the warehouse has an order that is not ours
    MISSING_THERE = "missing_there"  # the warehouse does not know what it had accepted
    STATE = "state"
    PARCEL_MISSING = "parcel_missing"  # a parcel left of which we do not know
    PARCEL_DIFFERS = "parcel_differs"  # the same parcel, other goods
    ALIVE_THERE = "alive_there"  # cancelled here, and the warehouse goes on
    SHIPPED_CANCELLED = "shipped_cancelled"  # cancelled here, and a parcel left
    CANCELLED_THERE = "cancelled_there"  # wanted here, and the warehouse has cancelled it


@dataclass(frozen=True, slots=True)
class Ours:
    """What we know of one request; `parcels` are the units by SKU of each parcel's id there."""

    order_id: int
    state: str
    parcels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def compare(ours: Ours | None, theirs: WarehouseOrder) -> Kind | None:
    """Return how the two differ, the worst first; None where they agree."""
    if ours is None:
        return Kind.MISSING_HERE
    if ours.state == S.CANCELLED and theirs.status != "cancelled":
        return Kind.SHIPPED_CANCELLED if theirs.shipments else Kind.ALIVE_THERE
    told = {
        parcel.shipment_id: units((item.sku, item.quantity) for item in parcel.lines)
        for parcel in theirs.shipments
    }
    if any(ours.parcels.get(key, goods) != goods for key, goods in told.items()):
        return Kind.PARCEL_DIFFERS
    if not told.keys() <= ours.parcels.keys():
        return Kind.PARCEL_MISSING
    if theirs.status == "cancelled" and ours.state not in {S.CANCELLED, S.CANCELLATION_REQUESTED}:
        return Kind.CANCELLED_THERE
    return None if ours.state in FITS[theirs.status] else Kind.STATE


def units(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Return how many units of each SKU there are in all."""
    found: dict[str, int] = {}
    for sku, quantity in pairs:
        found[sku] = found.get(sku, 0) + quantity
    return found
