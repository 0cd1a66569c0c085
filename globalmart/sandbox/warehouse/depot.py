"""The warehouse itself: orders in, parcels out, and a log of every change."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from globalmart.sandbox.book import Book
from globalmart.sandbox.warehouse.clockwork import STEPS, Clockwork, Waiting
from globalmart.sandbox.warehouse.shelf import Shelf

# Picking can still be undone; a packed parcel is already on the ramp.
STOPPABLE = ("received", "picking")
CARRIERS = {
    "standard": ("Royal Parcel", "RP", "https://track.royalparcel.example/"),
    "express": ("Northwind Express", "NX", "https://northwind.example/track/"),
}


@dataclass(frozen=True, slots=True)
class Order:
    """What SubmitOrder brings. Lines are dictionaries: lineNo, sku, name, quantity."""

    reference: str
    sequence: int
    order_number: str
    service: str
    ship_to: dict[str, str]
    lines: list[dict[str, str | int]]


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to SubmitOrder."""

    result: str
    wms_number: str = ""
    code: str = ""
    message: str = ""


class Depot:
    """All that the warehouse does, on one book. Safe between threads."""

    def __init__(
        self, book: Book, *, ship_after: float, now: Callable[[], float] = time.time
    ) -> None:
        """Open the book and go on where it ends.

        A speed set over the control API outlives a restart, until `ship_after` itself changes.
        """
        self.book = book
        self.shelf = Shelf(book)
        self._now = now
        self._flag = ship_after
        last = book.one("SELECT ship_after, flag FROM clock ORDER BY id DESC LIMIT 1")
        speed = last["ship_after"] if last and last["flag"] == ship_after else ship_after
        self._clockwork = Clockwork(ship_after=speed)
        latest = book.one("SELECT max(at) AS at FROM changes")
        self._latest = float(latest["at"] or 0.0) if latest else 0.0
        self._resume()

    @property
    def ship_after(self) -> float:
        """Seconds from acceptance to the parcel leaving."""
        return self._clockwork.ship_after

    def set_speed(self, ship_after: float) -> None:
        """Change how long an order takes, for those under way too."""
        with self.book.writing():
            self.book.append("clock", ship_after=ship_after, flag=self._flag, at=self._now())
            self._clockwork.set_speed(ship_after)

    def submit(self, order: Order) -> Receipt:
        """Take an order; the same reference again is a duplicate, whatever else it says."""
        now = self._now()
        with self.book.writing():
            receipt = self._receipt(order)
            self.book.append(
                "submissions", reference=order.reference, result=receipt.result, at=now
            )
            if receipt.result == "accepted":
                self._accept(order, receipt.wms_number, now)
        return receipt

    def cancel(self, reference: str) -> tuple[str, str]:
        """Stop an order if it can be stopped; return result and message."""
        self.advance()
        with self.book.writing():
            status = self.status(reference)
            if status is None:
                return "not_found", "No such order."
            if status in STOPPABLE:
                self._clockwork.remove(reference)
                self._log(reference, "cancelled", self._now())
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
        now = self._now()
        if not self._clockwork.is_due(now):
            return
        with self.book.writing():
            for at, reference, status in self._clockwork.due(now):
                if status == "shipped":
                    self._ship(reference, at)
                self._log(reference, status, now)

    def _resume(self) -> None:
        rows = self.book.query(
            "SELECT o.reference, o.accepted_at, c.status FROM orders o JOIN changes c"
            " ON c.position = (SELECT max(position) FROM changes WHERE reference = o.reference)"
            " WHERE c.status IN ('received', 'picking', 'packed')"
        )
        for row in rows:
            step = STEPS.index(row["status"]) + 1 if row["status"] in STEPS else 0
            self._clockwork.add(Waiting(row["reference"], row["accepted_at"], step))

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
        self.book.append(
            "orders",
            reference=order.reference,
            wms_number=wms_number,
            order_number=order.order_number,
            sequence=order.sequence,
            service=order.service,
            ship_to=json.dumps(order.ship_to, separators=(",", ":")),
            lines=json.dumps(order.lines, separators=(",", ":")),
            accepted_at=now,
        )
        self._log(order.reference, "received", now)
        self._clockwork.add(Waiting(order.reference, now, 0))

    def _log(self, reference: str, status: str, now: float) -> None:
        # The log's times never run backwards, even when the machine's clock does.
        self._latest = max(self._latest, now)
        self.book.append("changes", reference=reference, status=status, at=self._latest)

    def _ship(self, reference: str, at: float) -> None:
        order = self.book.one(
            "SELECT position, service, lines FROM orders WHERE reference = ?", (reference,)
        )
        if order is None:
            raise LookupError(f"An order without its row: {reference}")
        carrier, prefix, base = CARRIERS[order["service"]]
        number = f"{prefix}{order['position']:09d}GB"
        shipment_id = f"S{order['position']:08d}"
        self.book.append(
            "shipments",
            shipment_id=shipment_id,
            reference=reference,
            carrier=carrier,
            tracking_number=number,
            tracking_url=base + number,
            shipped_at=at,
        )
        pieces: dict[str, int] = {}
        for line in json.loads(order["lines"]):
            pieces[line["sku"]] = pieces.get(line["sku"], 0) + line["quantity"]
        for sku, quantity in pieces.items():
            self.book.append("shipment_items", shipment_id=shipment_id, sku=sku, quantity=quantity)
