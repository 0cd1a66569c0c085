"""The ramp: what of an order goes into which parcel, what is short, and who carries it away."""

import json
import sqlite3
from typing import Any

from globalmart.sandbox.book import Book
from globalmart.sandbox.warehouse.habits import Habits
from globalmart.sandbox.warehouse.shelf import Shelf

CARRIERS = {
    "standard": ("Royal Parcel", "RP", "https://track.royalparcel.example/"),
    "express": ("Northwind Express", "NX", "https://northwind.example/track/"),
}


def contents(lines: list[dict[str, Any]], parcels: int, parcel: int) -> list[dict[str, Any]]:
    """Return the part of the lines that goes into parcel number `parcel`, counted from 0."""
    if parcels == 1:
        return lines
    if len(lines) == 1:
        quantity = int(lines[0]["quantity"])
        share = quantity // parcels + (quantity % parcels if parcel == 0 else 0)
        return [{**lines[0], "quantity": share}]
    return [line for place, line in enumerate(lines) if place % parcels == parcel]


class Ramp:
    """Puts parcels together. Its owner holds the book's pen."""

    def __init__(self, book: Book, shelf: Shelf) -> None:
        self._book, self._shelf = book, shelf

    def ship(self, reference: str, parcel: int, *, at: float, habits: Habits) -> tuple[str, str]:
        """Send one parcel off; return the order's status from now on and the parcel's id, both
        empty where there is nothing to tell."""
        order = self._book.one(
            "SELECT position, service, lines, location, parcels FROM orders WHERE reference = ?",
            (reference,),
        )
        if order is None:
            raise LookupError(f"An order without its row: {reference}")
        lines = contents(json.loads(order["lines"]), order["parcels"], parcel)
        packed: dict[str, int] = {}
        for line in lines:
            taken = self._pick(reference, order["location"], line, habits)
            if taken:
                packed[line["sku"]] = packed.get(line["sku"], 0) + taken
        shipment_id = self._send(order, reference, parcel, packed, at) if packed else ""
        self._book.append("departures", reference=reference, parcel=parcel, at=at)
        return self._status(reference, is_last=parcel + 1 == order["parcels"]), shipment_id

    def _pick(self, reference: str, location: str, line: dict[str, Any], habits: Habits) -> int:
        wanted = int(line["quantity"])
        missing = min(wanted, habits.missing(reference, line))
        taken = self._shelf.take(location, line["sku"], wanted - missing)
        for pieces, reason in ((missing, "not found"), (wanted - missing - taken, "out of stock")):
            if pieces:
                self._book.append(
                    "shorts",
                    reference=reference,
                    line_no=line["lineNo"],
                    sku=line["sku"],
                    pieces=pieces,
                    reason=reason,
                )
        return taken

    def _send(
        self, order: sqlite3.Row, reference: str, parcel: int, packed: dict[str, int], at: float
    ) -> str:
        carrier, prefix, base = CARRIERS[order["service"]]
        is_one_of_many = order["parcels"] > 1
        number = f"{prefix}{order['position']:09d}{parcel + 1 if is_one_of_many else ''}GB"
        shipment_id = f"S{order['position']:08d}{f'-{parcel + 1}' if is_one_of_many else ''}"
        self._book.append(
            "shipments",
            shipment_id=shipment_id,
            reference=reference,
            carrier=carrier,
            tracking_number=number,
            tracking_url=base + number,
            shipped_at=at,
        )
        for sku, quantity in packed.items():
            self._book.append("shipment_items", shipment_id=shipment_id, sku=sku, quantity=quantity)
        return shipment_id

    def _status(self, reference: str, *, is_last: bool) -> str:
        if is_last:
            short = self._book.one("SELECT 1 FROM shorts WHERE reference = ?", (reference,))
            return "closed_short" if short else "shipped"
        sent = self._book.one("SELECT 1 FROM shipments WHERE reference = ?", (reference,))
        return "partially_shipped" if sent else ""
