"""What this warehouse is like: how often it splits, ships short, and loses a parcel.

Every draw follows from the seed and what it is about, so a restart draws the same.
"""

import json
import random
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from globalmart.sandbox.book import Book

MOST_PARCELS = 5
NUMBERS = ("split", "short", "exception", "lost")


class InvalidHabits(Exception):
    """The control API was sent habits that cannot be understood; the text says why."""


@dataclass(frozen=True, slots=True)
class Habits:
    """Probabilities from 0 to 1; SKUs for which it happens always.

    `deliver_after` is how many seconds a parcel travels; None: carriers tell nothing.
    """

    split: float = 0.0
    split_skus: tuple[str, ...] = ()
    short: float = 0.0
    short_skus: tuple[str, ...] = ()
    exception: float = 0.0
    lost: float = 0.0
    deliver_after: float | None = None
    seed: int = 0

    def parcels(self, reference: str, lines: list[dict[str, Any]]) -> int:
        """Return into how many parcels an order goes: one for each line, or two for one line."""
        is_split = any(line["sku"] in self.split_skus for line in lines)
        if not is_split and not self._happens("split", self.split, reference):
            return 1
        if len(lines) == 1:
            return min(2, int(lines[0]["quantity"]))
        return min(MOST_PARCELS, len(lines))

    def missing(self, reference: str, line: dict[str, Any]) -> int:
        """Return how many pieces of a line nobody will find: half of them, at least one."""
        what = f"{reference}/{line['lineNo']}"
        if line["sku"] in self.short_skus or self._happens("short", self.short, what):
            return (int(line["quantity"]) + 1) // 2
        return 0

    def fate(self, shipment_id: str) -> str:
        """Return what happens to a parcel: "lost", "exception" (and it arrives), or nothing."""
        for name, probability in (("lost", self.lost), ("exception", self.exception)):
            if self._happens(name, probability, shipment_id):
                return name
        return ""

    def _happens(self, name: str, probability: float, what: str) -> bool:
        if probability <= 0:
            return False
        dice = random.Random(f"{self.seed}/{name}/{what}")  # noqa: S311  a fault, no secret
        return dice.random() < probability


def kept(book: Book, *, default: Habits) -> Habits:
    """Return the habits that were last set, or `default`."""
    row = book.one("SELECT habits FROM habits ORDER BY id DESC LIMIT 1")
    return read(json.loads(row["habits"]), Habits()) if row else default


def keep(book: Book, habits: Habits) -> None:
    """Write habits down."""
    book.append("habits", habits=json.dumps(asdict(habits)))


def read(wanted: Any, before: Habits) -> Habits:
    """Return `before` with what was sent as JSON. Raises InvalidHabits."""
    names = {field.name for field in fields(Habits)}
    if not isinstance(wanted, dict) or set(wanted) - names:
        raise InvalidHabits(f"Habits are an object of: {', '.join(sorted(names))}.")
    values = dict(wanted)
    for name in NUMBERS:
        if name in values and not (_is_number(values[name]) and 0 <= values[name] <= 1):
            raise InvalidHabits(f"`{name}` lies between 0 and 1.")
    for name in ("split_skus", "short_skus"):
        skus = values.get(name, [])
        if not isinstance(skus, list) or not all(isinstance(sku, str) for sku in skus):
            raise InvalidHabits(f"`{name}` is a list of SKUs.")
        if name in values:
            values[name] = tuple(skus)
    seconds = values.get("deliver_after")
    if seconds is not None and not (_is_number(seconds) and 0 <= seconds < float("inf")):
        raise InvalidHabits("`deliver_after` is a number of seconds, or null.")
    if type(values.get("seed", 0)) is not int:
        raise InvalidHabits("`seed` is a whole number.")
    return replace(before, **values)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def as_json(habits: Habits) -> dict[str, Any]:
    """Return habits as the control API shows them."""
    return asdict(habits)
