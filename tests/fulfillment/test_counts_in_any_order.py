"""Whatever order news comes in, and however often, the shelf is what a plain model says."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F, Sum
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fulfillment.gateways.wms import StockDelta, StockLevel, StockSnapshot
from fulfillment.models import Fulfillment, Reservation, Stock
from fulfillment.services import counts, stock
from tests import builders
from tests.fulfillment.conftest import open_request
from tests.fulfillment.counting import NOON, at, ship

NOW = NOON + timedelta(days=1)
OPENING, WANTED = 12, 9
EXAMPLES = 120


@dataclass(frozen=True, slots=True)
class Fact:
    """What happened at an hour: a parcel or a change of so many units, or a count of so many."""

    kind: str
    hour: int
    units: int


def tell_truly(drawn: Sequence[tuple[str, int]]) -> list[Fact]:
    """Return what may have happened: nobody takes from an empty shelf, counts are right."""
    shelf, to_ship, facts = OPENING, WANTED, [Fact("count", 0, OPENING)]
    for hour, (kind, units) in enumerate(drawn, start=1):
        if kind == "count":
            facts.append(Fact(kind, hour, shelf))
            continue
        if kind == "parcel":
            units = min(abs(units), shelf, to_ship)
            to_ship -= units
            shelf -= units
        else:
            units = max(units, -shelf)
            shelf += units
        if units:
            facts.append(Fact(kind, hour, units))
    return facts


def shelf_of(told: Sequence[Fact]) -> int:
    """The plain model: the last count of all, and what has happened since by what was told."""
    counted = [fact for fact in told if fact.kind == "count"]
    last = max(counted, key=lambda fact: fact.hour, default=Fact("count", 0, OPENING))
    since = {fact for fact in told if fact.hour > last.hour and fact.kind != "count"}
    return last.units + sum(-fact.units if fact.kind == "parcel" else fact.units for fact in since)


def record(row: Fulfillment, fact: Fact, *, is_known: bool) -> None:
    here = row.warehouse_id
    if fact.kind == "count":
        levels = (StockLevel("MUG", fact.units),)
        snapshot = StockSnapshot(f"C{fact.hour}", at(fact.hour), levels)
        counts.apply_snapshot(warehouse_id=here, snapshot=snapshot, now=NOW)
    elif fact.kind == "delta":
        delta = StockDelta(f"D{fact.hour}", "MUG", fact.units, at(fact.hour), "")
        counts.apply_deltas(warehouse_id=here, deltas=[delta], now=NOW)
    elif not is_known:
        # Whoever records parcels knows which ones it has.
        ship(row, fact.units, when=fact.hour, key=f"S{fact.hour}")


@pytest.fixture
def row(db: None) -> Fulfillment:
    """A request for nine of twelve mugs, of which others want the rest."""
    builders.open_shop()
    builders.add_product("MUG", on_hand=OPENING)
    order = builders.place({"MUG": WANTED})
    found = open_request(order)
    stock.commit_reservations(order_id=order.pk)
    for _ in range(3):
        builders.place({"MUG": 1})
    return found


facts = st.lists(
    st.tuples(st.sampled_from(["parcel", "parcel", "delta", "count"]), st.integers(-6, 6)),
    max_size=9,
).map(tell_truly)
# The facts in the order in which they are told, some of them twice.
stories = facts.flatmap(
    lambda found: st.tuples(
        st.permutations(found), st.lists(st.integers(0, len(found) - 1), max_size=4)
    ).map(lambda drawn: [*drawn[0], *(drawn[0][place] for place in drawn[1])])
)
UNKNOWN_GOODS = [Fact("count", 0, 0), Fact("parcel", 2, 5), Fact("delta", 1, 7)]
LEFT_BEFORE = [Fact("count", 3, 4), Fact("parcel", 2, 8), Fact("count", 0, 12)]


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=stories)
@example(story=UNKNOWN_GOODS)
@example(story=LEFT_BEFORE)
def test_the_shelf_is_what_a_plain_model_says(row: Fulfillment, story: list[Fact]) -> None:
    with transaction.atomic():
        for place, fact in enumerate(story):
            record(row, fact, is_known=fact in story[:place])

            mugs = Stock.objects.get(sku="MUG")
            shelf = shelf_of(story[: place + 1])
            assert mugs.on_hand - mugs.overdrawn == shelf
            open_units = Reservation.objects.filter(state__in=["held", "committed"]).aggregate(
                units=Sum(F("quantity") - F("shipped"))
            )
            assert mugs.reserved == (open_units["units"] or 0)
            assert 0 <= mugs.on_hand - mugs.reserved <= max(0, shelf)
            waiting = Reservation.objects.filter(state="backordered")
            free = mugs.on_hand - mugs.reserved
            assert all(each.quantity - each.shipped > free for each in waiting)
        transaction.set_rollback(True)
