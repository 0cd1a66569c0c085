"""The warehouse itself: orders in, parcels out, and a log of every change."""

import json
import time
from collections.abc import Callable
from typing import Any

from globalmart.sandbox.book import Book
from globalmart.sandbox.warehouse import habits, schema
from globalmart.sandbox.warehouse.carriers import Carriers
from globalmart.sandbox.warehouse.clockwork import Clockwork, Plan, Ticker, Waiting
from globalmart.sandbox.warehouse.habits import Habits
from globalmart.sandbox.warehouse.papers import Order, Receipt
from globalmart.sandbox.warehouse.ramp import Ramp
from globalmart.sandbox.warehouse.shelf import Shelf

# Picking can still be undone; a packed parcel is already on the ramp.
STOPPABLE = ("received", "picking")
# How much of the way from acceptance to shipping has gone by when each step is reached.
INSIDE: Plan = ((0.3, "picking"), (0.7, "packed"))
NEXT_PARCEL = 0.25


class Depot:
    """All that the warehouse does, on one book. Safe between threads: the pen is the turn."""

    def __init__(
        self,
        book: Book,
        *,
        ship_after: float,
        usual: Habits | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Open the book and go on where it ends.

        A speed set over the control API outlives a restart, until `ship_after` itself changes;
        habits that were set outlive `usual`.
        """
        schema.upgrade(book)
        self.book = book
        self._flag = ship_after
        last = book.one("SELECT ship_after, flag FROM clock ORDER BY id DESC LIMIT 1")
        speed = last["ship_after"] if last and last["flag"] == ship_after else ship_after
        self._clockwork = Clockwork(seconds=speed)
        latest = book.one(
            "SELECT max(at) AS at FROM (SELECT max(at) AS at FROM changes"
            " UNION ALL SELECT max(at) FROM counts UNION ALL SELECT max(at) FROM snapshots"
            " UNION ALL SELECT max(at) FROM deltas)"
        )
        self.ticker = Ticker(now=now, after=float(latest["at"] or 0.0) if latest else 0.0)
        self.shelf = Shelf(book, self.ticker)
        self.habits = habits.kept(book, default=usual or Habits())
        self.carriers = Carriers(book, self.habits)
        self._ramp = Ramp(book, self.shelf)
        # Locations at which something changed, for whoever tells others of it.
        self._changed: set[str] = set()
        self._resume()

    @property
    def ship_after(self) -> float:
        """Seconds from acceptance to the parcel leaving."""
        return self._clockwork.seconds

    def set_speed(self, ship_after: float) -> None:
        """Change how long an order takes, for those under way too."""
        with self.book.writing():
            at = self.ticker.tick()
            self.book.append("clock", ship_after=ship_after, flag=self._flag, at=at)
            self._clockwork.set_speed(ship_after)

    def set_habits(self, wanted: Habits) -> None:
        """Be like this from now on."""
        with self.book.writing():
            habits.keep(self.book, wanted)
            self.habits = wanted
            self.carriers.set_habits(wanted)

    def submit(self, order: Order, *, accepts_twice: bool = False) -> Receipt:
        """Take an order; the same reference again is a duplicate, whatever else it says.

        With `accepts_twice` it gets a second number instead, as no warehouse should.
        """
        with self.book.writing():
            now = self.ticker.tick()
            receipt = self._receipt(order)
            if receipt.result == "duplicate" and accepts_twice:
                receipt = self._accept_again(order.reference, now)
            elif receipt.result == "accepted":
                self._accept(order, receipt.wms_number, now)
            self.book.append(
                "submissions", reference=order.reference, result=receipt.result, at=now
            )
        return receipt

    def cancel(self, reference: str) -> tuple[str, str]:
        """Stop an order if it can be stopped; return result and message."""
        with self.book.writing():
            self.advance()
            status = self.status(reference)
            if status is None:
                return "not_found", "No such order."
            if status in STOPPABLE:
                self._clockwork.remove(reference)
                self._log(reference, "cancelled")
                return "cancelled", ""
        if status == "cancelled":
            return "cancelled", "It was cancelled before."
        return "too_late", f"The order is {status}."

    def status(self, reference: str) -> str | None:
        """Return the status that was last written down, or None for an unknown reference."""
        row = self.book.one(
            "SELECT status FROM changes WHERE reference = ? ORDER BY position DESC LIMIT 1",
            (reference,),
        )
        return row["status"] if row else None

    def advance(self) -> None:
        """Write down every step whose time has come."""
        now = self.ticker.look()
        if not self._clockwork.is_due(now) and not self.carriers.is_due(now):
            return
        with self.book.writing():
            for at, reference, step in self._clockwork.due(now):
                status = self._ship(reference, step, at) if step.isdecimal() else step
                if status:
                    self._log(reference, status)
            for shipment_id in self.carriers.advance(now):
                self._tell_again(shipment_id)

    def count(self, location: str, counts: dict[str, int]) -> None:
        """Have these SKUs counted; what is due leaves before."""
        with self.book.writing():
            self.advance()
            self.shelf.count(location, counts)

    def snapshot(self, location: str) -> tuple[str, float, list[tuple[str, int]]]:
        """Return what lies at a location now; what is due leaves before."""
        with self.book.writing():
            self.advance()
            return self.shelf.snapshot(location)

    def tell(self, shipment_id: str, state: str) -> bool:
        """Have the carrier tell something of a parcel; say whether there is such a parcel."""
        with self.book.writing():
            if not self.book.one("SELECT 1 FROM shipments WHERE shipment_id = ?", (shipment_id,)):
                return False
            self.carriers.tell(shipment_id, state, self.ticker.tick())
            self._tell_again(shipment_id)
        return True

    def changed(self) -> set[str]:
        """Return the locations at which something has changed since this was asked last."""
        with self.book.writing():
            self.advance()
            found, self._changed = self._changed, set()
        return found

    def _resume(self) -> None:
        rows = self.book.query(
            "SELECT o.reference, o.accepted_at, o.parcels, c.status,"
            " (SELECT count(*) FROM departures d WHERE d.reference = o.reference) AS departed"
            " FROM orders o JOIN changes c"
            " ON c.position = (SELECT max(position) FROM changes WHERE reference = o.reference)"
            " WHERE c.status IN ('received', 'picking', 'packed', 'partially_shipped')"
        )
        done = {"received": 0, "picking": 1}
        for row in rows:
            step = done.get(row["status"], len(INSIDE) + row["departed"])
            plan = _plan(row["parcels"])
            self._clockwork.add(Waiting(row["reference"], row["accepted_at"], plan, step))

    def _receipt(self, order: Order) -> Receipt:
        known = self.book.one(
            "SELECT wms_number FROM orders WHERE reference = ?", (order.reference,)
        )
        if known:
            return Receipt("duplicate", known["wms_number"])
        if len({line["lineNo"] for line in order.lines}) < len(order.lines):
            return Receipt("rejected", code="duplicate_line", message="A lineNo comes twice.")
        unknown = self.shelf.first_unknown([str(line["sku"]) for line in order.lines])
        if unknown:
            return Receipt("rejected", code="unknown_sku", message=f"Not kept here: {unknown}")
        last = self.book.one("SELECT coalesce(max(position), 0) AS position FROM orders")
        return Receipt("accepted", f"W{(last['position'] if last else 0) + 1:08d}")

    def _accept(self, order: Order, wms_number: str, now: float) -> None:
        lines: list[dict[str, Any]] = list(order.lines)
        parcels = self.habits.parcels(order.reference, lines)
        self.book.append(
            "orders",
            reference=order.reference,
            wms_number=wms_number,
            order_number=order.order_number,
            sequence=order.sequence,
            service=order.service,
            ship_to=json.dumps(order.ship_to, separators=(",", ":")),
            lines=json.dumps(lines, separators=(",", ":")),
            accepted_at=now,
            location=order.location,
            promised_on=order.promised_on,
            parcels=parcels,
        )
        self._log(order.reference, "received")
        self._clockwork.add(Waiting(order.reference, now, _plan(parcels)))

    def _accept_again(self, reference: str, now: float) -> Receipt:
        last = self.book.one("SELECT coalesce(max(id), 0) AS id FROM second_numbers")
        number = f"X{(last['id'] if last else 0) + 1:08d}"
        self.book.append("second_numbers", reference=reference, wms_number=number, at=now)
        return Receipt("accepted", number)

    def _ship(self, reference: str, parcel: str, at: float) -> str:
        # Whoever counted since has seen these goods on the shelf: they left only now.
        left_at = at if at > self.shelf.looked_at else self.ticker.tick()
        status, shipment_id = self._ramp.ship(
            reference, int(parcel), at=left_at, habits=self.habits
        )
        if shipment_id:
            self.carriers.take(shipment_id, left_at)
        return status

    def _tell_again(self, shipment_id: str) -> None:
        row = self.book.one("SELECT reference FROM shipments WHERE shipment_id = ?", (shipment_id,))
        if row:
            self._log(row["reference"], self.status(row["reference"]) or "shipped")

    def _log(self, reference: str, status: str) -> None:
        self.book.append("changes", reference=reference, status=status, at=self.ticker.tick())
        row = self.book.one("SELECT location FROM orders WHERE reference = ?", (reference,))
        if row:
            self._changed.add(row["location"])


def _plan(parcels: int) -> Plan:
    return (*INSIDE, *((1.0 + NEXT_PARCEL * parcel, str(parcel)) for parcel in range(parcels)))
