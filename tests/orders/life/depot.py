"""The warehouses' own world: shelves, parcels and carriers, told to us by a fake at the gateway."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import get_args

from fulfillment.gateways.wms import (
    CancelAnswer,
    CarrierEvent,
    CarrierState,
    Condition,
    OutcomeUnknown,
    Receipt,
    ShipmentItem,
    StockDelta,
    StockLevel,
    StockSnapshot,
    SubmitAnswer,
    SubmitRequest,
    WarehouseLine,
    WarehouseShipment,
    WarehouseUnavailable,
)
from tests.fulfillment.fakes import FakeWarehouse
from tests.orders.life.clock import Clock

# What a carrier may tell of a parcel on its way, in the order of a good journey.
MILESTONES: tuple[CarrierState, ...] = get_args(CarrierState)
# Where the warehouse may still pick.
OPEN = ("received", "picking", "packed", "partially_shipped")


@dataclass(slots=True)
class Depot:
    """What lies where, and what was asked for. Shelves are by location and SKU."""

    clock: Clock
    fake: FakeWarehouse = field(default_factory=FakeWarehouse)
    shelf: Counter[tuple[str, str]] = field(default_factory=Counter)
    numbers: Counter[str] = field(default_factory=Counter)

    # --- what it was asked for -------------------------------------------------------------------

    def requests(self) -> dict[str, SubmitRequest]:
        """Return what it has, by reference, as it was sent last."""
        return {each.reference: each for each in self.fake.submitted if self._has(each.reference)}

    def open_requests(self) -> list[str]:
        """Return the references that it may still pick."""
        return [key for key in self.requests() if self.fake.orders[key].status in OPEN]

    def left(self, reference: str) -> Counter[str]:
        """Return what of a request has not left, by SKU."""
        wanted = Counter({line.sku: line.quantity for line in self.requests()[reference].lines})
        return wanted - self._gone(reference)

    def _has(self, reference: str) -> bool:
        return reference in self.fake.orders

    def _gone(self, reference: str) -> Counter[str]:
        found: Counter[str] = Counter()
        for parcel in self.fake.orders[reference].shipments:
            found.update({item.sku: item.quantity for item in parcel.lines})
        return found

    # --- what it does ----------------------------------------------------------------------------

    def pick(self, reference: str) -> None:
        """Somebody has the request in their hands."""
        known = self.fake.orders[reference]
        if known.status == "received":
            self.fake.show(reference, "picking")

    def ship(self, reference: str, most: int) -> bool:
        """Send so many units of each SKU at most, as far as they are there; tell whether any."""
        location = self.requests()[reference].location
        parcel = {
            sku: min(units, most, self.shelf[location, sku])
            for sku, units in self.left(reference).items()
        }
        parcel = {sku: units for sku, units in parcel.items() if units > 0}
        if not parcel:
            return False
        for sku, units in parcel.items():
            self.shelf[location, sku] -= units
        known = self.fake.orders[reference].shipments
        parcels = (*known, self._parcel(parcel))
        is_all = sum(self.left(reference).values()) == sum(parcel.values())
        self.fake.show(reference, "shipped" if is_all else "partially_shipped", *parcels)
        return True

    def close_short(self, reference: str) -> None:
        """Whatever has not left will not be sent."""
        known, gone = self.fake.orders[reference], self._gone(reference)
        lines = tuple(
            WarehouseLine(
                line.sku,
                line.quantity,
                gone[line.sku],
                line.quantity - gone[line.sku],
                "damaged" if line.quantity > gone[line.sku] else "",
            )
            for line in self.requests()[reference].lines
        )
        self.fake.show(reference, "closed_short", *known.shipments, lines=lines)

    def tell_of_parcel(self, reference: str, pick: int, state: CarrierState) -> bool:
        """A carrier tells of one of the parcels."""
        known = self.fake.orders[reference]
        if not known.shipments:
            return False
        parcels = list(known.shipments)
        place = pick % len(parcels)
        event = CarrierEvent(self._name("event"), state, self.clock.now())
        parcels[place] = replace(parcels[place], events=(*parcels[place].events, event))
        self.fake.show(reference, known.status, *parcels, lines=known.lines)
        return True

    def _parcel(self, units: dict[str, int]) -> WarehouseShipment:
        name = self._name("parcel")
        return WarehouseShipment(
            shipment_id=name,
            carrier="Royal Mail",
            tracking_number=f"RM-{name}",
            tracking_url="https://track.example/RM",
            shipped_at=self.clock.now(),
            lines=tuple(ShipmentItem(sku, quantity) for sku, quantity in sorted(units.items())),
        )

    # --- stock -----------------------------------------------------------------------------------

    def change(self, location: str, sku: str, units: int, *, is_told: bool) -> bool:
        """Goods come, break or are found; the warehouse tells at once, or counts them later."""
        units = max(units, -self.shelf[location, sku])
        if not units:
            return False
        self.shelf[location, sku] += units
        if is_told:
            told = StockDelta(self._name("delta"), sku, units, self.clock.now(), "inventory")
            self.fake.deltas.setdefault(location, []).append(told)
        return True

    def count(self, location: str) -> None:
        """Count every shelf of a location."""
        found = [
            StockLevel(sku, units)
            for (where, sku), units in sorted(self.shelf.items())
            if where == location
        ]
        name = self._name("count")
        self.fake.counts[location] = StockSnapshot(name, self.clock.now(), tuple(found))

    def take_back(
        self, location: str, reference: str, rma: str, units: tuple[str, int], condition: Condition
    ) -> None:
        """Goods come back; what can be sold again is told as a change of stock as well."""
        sku, quantity = units
        receipt = Receipt(
            self._name("receipt"), rma, reference, sku, quantity, condition, self.clock.now()
        )
        self.fake.receipts.setdefault(location, []).append(receipt)
        if condition == "sellable":
            self.change(location, sku, quantity, is_told=True)

    # --- how it answers --------------------------------------------------------------------------

    def misbehave(self, how: str) -> None:
        """Answer the next call of a kind in an unusual way."""
        queues = {
            "reject": (self.fake.answers, SubmitAnswer("rejected", "", "bad_address", "No.")),
            "away": (self.fake.answers, WarehouseUnavailable("no connection")),
            "silent": (self.fake.answers, OutcomeUnknown("no answer")),
            "cannot look": (self.fake.lookup_errors, WarehouseUnavailable("no connection")),
            "cannot list": (self.fake.poll_errors, WarehouseUnavailable("no connection")),
            "cannot cancel": (self.fake.cancel_answers, OutcomeUnknown("no answer")),
            "too late": (self.fake.cancel_answers, CancelAnswer("too_late", "It is packed.")),
        }
        queue, answer = queues[how]
        queue.append(answer)  # type: ignore[attr-defined]

    def behave(self) -> None:
        """Answer as usual from now on."""
        fake = self.fake
        for queue in (fake.answers, fake.lookup_errors, fake.poll_errors, fake.cancel_answers):
            queue.clear()
        fake.is_deaf = False

    def _name(self, kind: str) -> str:
        self.numbers[kind] += 1
        return f"{kind}-{self.numbers[kind]}"


MOODS = ("reject", "away", "silent", "cannot look", "cannot list", "cannot cancel", "too late")
