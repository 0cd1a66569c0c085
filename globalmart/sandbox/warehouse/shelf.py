"""What truly lies on the shelves: counted, less what left in parcels, with what else happened.

A SKU that was never counted at a location is there without limit, and in no snapshot.
"""

from collections.abc import Iterable, Mapping

from globalmart.sandbox.book import Book
from globalmart.sandbox.warehouse.clockwork import Ticker

MAIN = "main"


class Empty(Exception):
    """More was to be taken from a shelf than lies there."""


class Shelf:
    """The pieces at each location. Its owner takes turns and holds the book's pen while writing."""

    def __init__(self, book: Book, ticker: Ticker) -> None:
        self._book, self._ticker = book, ticker
        rows = book.query(
            "SELECT sku FROM unknown_skus u WHERE is_unknown"
            " AND id = (SELECT max(id) FROM unknown_skus WHERE sku = u.sku)"
        )
        self._unknown = {row["sku"] for row in rows}
        shelves = book.query("SELECT location, sku, on_hand FROM book_warehouse_shelf")
        self._on_hand = {(row["location"], row["sku"]): row["on_hand"] for row in shelves}
        told = book.one(
            "SELECT max(at) AS at FROM (SELECT max(at) AS at FROM counts"
            " UNION ALL SELECT max(at) FROM snapshots)"
        )
        # When somebody last looked: what leaves from now on left after that.
        self.looked_at = float(told["at"] or 0.0) if told else 0.0

    def on_hand(self, location: str, sku: str) -> int | None:
        """Return the pieces that lie there, None where nobody has counted."""
        return self._on_hand.get((location, sku))

    def count(self, location: str, counts: Mapping[str, int]) -> None:
        """Write down a new count of these SKUs; the others keep theirs."""
        with self._book.writing():
            self.looked_at = self._ticker.tick()
            for sku, on_hand in counts.items():
                self._book.append(
                    "counts", location=location, sku=sku, on_hand=on_hand, at=self.looked_at
                )
                self._on_hand[location, sku] = on_hand

    def change(self, location: str, sku: str, change: int, reason: str) -> int:
        """Write down that pieces came or went; return the number of the entry. Raises Empty."""
        with self._book.writing():
            lying = self.on_hand(location, sku)
            if lying is not None and lying + change < 0:
                raise Empty(f"Only {lying} of {sku} lie there.")
            number = self._book.append(
                "deltas",
                location=location,
                sku=sku,
                change=change,
                reason=reason,
                at=self._ticker.tick(),
            )
            if lying is not None:
                self._on_hand[location, sku] = lying + change
        return number

    def take(self, location: str, sku: str, wanted: int) -> int:
        """Take up to so many pieces for a parcel; return how many there were."""
        lying = self.on_hand(location, sku)
        if lying is None:
            return wanted
        taken = min(lying, wanted)
        self._on_hand[location, sku] = lying - taken
        return taken

    def snapshot(self, location: str) -> tuple[str, float, list[tuple[str, int]]]:
        """Return (snapshot id, the time, [(SKU, pieces), ...]): what lies there now."""
        with self._book.writing():
            self.looked_at = self._ticker.tick()
            number = self._book.append("snapshots", location=location, at=self.looked_at)
            items = sorted(
                (sku, on_hand) for (at, sku), on_hand in self._on_hand.items() if at == location
            )
        return f"COUNT-{number}", self.looked_at, items

    def set_unknown(self, choices: Mapping[str, bool]) -> None:
        """Make SKUs unknown to the warehouse (True), or known again (False)."""
        with self._book.writing():
            for sku, is_unknown in choices.items():
                self._book.append("unknown_skus", sku=sku, is_unknown=int(is_unknown))
                (self._unknown.add if is_unknown else self._unknown.discard)(sku)

    def first_unknown(self, skus: Iterable[str]) -> str | None:
        """Return the first of these SKUs that the warehouse does not keep, or None."""
        return next((sku for sku in skus if sku in self._unknown), None)
