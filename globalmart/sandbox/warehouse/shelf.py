"""What lies on the shelf, as it was last counted, and which SKUs the warehouse does not keep."""

from collections.abc import Iterable, Mapping

from globalmart.sandbox.book import Book


class Shelf:
    """Counts, set over the control API. Safe between threads."""

    def __init__(self, book: Book) -> None:
        self._book = book
        rows = book.query(
            "SELECT sku FROM unknown_skus u WHERE is_unknown"
            " AND id = (SELECT max(id) FROM unknown_skus WHERE sku = u.sku)"
        )
        self._unknown = {row["sku"] for row in rows}

    def count(self, counts: Mapping[str, int], *, now: float) -> None:
        """Write down a new count of these SKUs; the others keep theirs."""
        with self._book.writing():
            for sku, on_hand in counts.items():
                self._book.append("stock", sku=sku, on_hand=on_hand, at=now)

    def snapshot(self) -> tuple[str, float | None, list[tuple[str, int]]]:
        """Return (snapshot id, time of the last count or None, [(SKU, pieces), ...])."""
        with self._book.writing():
            last = self._book.one("SELECT id, at FROM stock ORDER BY id DESC LIMIT 1")
            rows = self._book.query(
                "SELECT sku, on_hand FROM stock s"
                " WHERE id = (SELECT max(id) FROM stock WHERE sku = s.sku) ORDER BY sku"
            )
        items = [(row["sku"], row["on_hand"]) for row in rows]
        return (f"COUNT-{last['id']}", last["at"], items) if last else ("COUNT-0", None, items)

    def set_unknown(self, choices: Mapping[str, bool]) -> None:
        """Make SKUs unknown to the warehouse (True), or known again (False)."""
        with self._book.writing():
            for sku, is_unknown in choices.items():
                self._book.append("unknown_skus", sku=sku, is_unknown=int(is_unknown))
                (self._unknown.add if is_unknown else self._unknown.discard)(sku)

    def first_unknown(self, skus: Iterable[str]) -> str | None:
        """Return the first of these SKUs that the warehouse does not keep, or None."""
        return next((sku for sku in skus if sku in self._unknown), None)
