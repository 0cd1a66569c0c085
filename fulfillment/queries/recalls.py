"""Which of an order's requests hold units that are not wanted any more, and can be taken back."""

from collections import Counter
from collections.abc import Iterable, Set
from dataclasses import dataclass

from fulfillment.models import Fulfillment
from fulfillment.queries.outlook import ENDED, kind_of

STOPPABLE = ("unsent", "at_warehouse")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recall:
    """Requests to take back: those that end at once, and those of which the warehouse is asked."""

    unsent: tuple[int, ...]
    asked: tuple[int, ...]

    @property
    def keys(self) -> tuple[int, ...]:
        return (*self.unsent, *self.asked)


def stoppable_units(*, order_id: int) -> dict[str, int]:
    """Return how many units of which SKUs are in requests that can still be taken back."""
    found: Counter[str] = Counter()
    for row in _stoppable(order_id):
        for line in row.lines.all():
            found[line.sku] += line.quantity - line.shipped - line.short
    return dict(+found)


def plan_recall(*, order_id: int, wanted: Iterable[tuple[Set[str], int]]) -> Recall:
    """Return the requests that hold so many units of any of these SKUs: the unsent ones first, then
    the youngest; no more of them than it takes."""
    rows = _stoppable(order_id)
    chosen: set[int] = set()
    for skus, units in wanted:
        left = units
        # A request that goes back for one line gives its units of the others as well.
        for row in sorted(rows, key=lambda each: each.pk not in chosen):
            held = sum(line.quantity for line in row.lines.all() if line.sku in skus)
            if left > 0 and held:
                chosen.add(row.pk)
                left -= held
    return _recall(row for row in rows if row.pk in chosen)


def plan_recall_of_all(*, order_id: int) -> Recall:
    """Return all requests of the order that can still be taken back."""
    return _recall(_stoppable(order_id))


def _stoppable(order_id: int) -> list[Fulfillment]:
    rows = Fulfillment.objects.filter(order_id=order_id).prefetch_related("lines").order_by("-pk")
    found = [row for row in rows if kind_of(row) in STOPPABLE]
    return sorted(found, key=lambda row: kind_of(row) != "unsent")


def _recall(rows: Iterable[Fulfillment]) -> Recall:
    found = [(row.pk, kind_of(row)) for row in rows]
    return Recall(
        unsent=tuple(key for key, kind in found if kind == "unsent"),
        asked=tuple(key for key, kind in found if kind != "unsent"),
    )


def requests_for(*, order_id: int, warehouse_id: int, sku: str) -> list[int]:
    """Return the unsent requests of the order to a warehouse that ask for a SKU."""
    rows = Fulfillment.objects.filter(order_id=order_id, warehouse_id=warehouse_id, lines__sku=sku)
    return [row.pk for row in rows if kind_of(row) == "unsent"]


def sent_for(*, order_id: int) -> frozenset[tuple[int, str]]:
    """Return what warehouses were, or may have been, asked for and have not shipped: their keys
    with the SKUs."""
    rows = Fulfillment.objects.filter(order_id=order_id).exclude(state__in=ENDED)
    return frozenset(
        (row.warehouse_id, line.sku)
        for row in rows.prefetch_related("lines")
        if kind_of(row) != "unsent"
        for line in row.lines.all()
        if line.quantity > line.shipped + line.short
    )
