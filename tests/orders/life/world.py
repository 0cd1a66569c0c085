"""A shop with little stock in two warehouses, the orders that were placed there, and their story.

Acts are chosen by numbers, so that the shortest story has the smallest ones.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from fulfillment.services.stock import adjust, ensure_warehouse
from globalmart.core.models import TimelineEntry
from orders.models import Order, Voucher
from orders.states import OrderState
from payments.models import PaymentAttempt, Refund
from tests import builders
from tests.orders.life.clock import Clock
from tests.orders.life.depot import Depot
from tests.orders.life.house import House
from tests.orders.life.stripe import Account

SKUS = ("MUG", "CUP", "JUG")
PRICES = {"MUG": 900, "CUP": 500, "JUG": 1333}
PLACES = ("main", "north")
# What lies in each of the warehouses at first: so little that orders get in each other's way.
STOCK = {"main": {"MUG": 4, "CUP": 3, "JUG": 2}, "north": {"MUG": 2, "CUP": 2, "JUG": 1}}
TICK = timedelta(seconds=1)
MOST_ORDERS = 5
# One that a single order can have, and one that a customer has once.
VOUCHERS: tuple[dict[str, Any], ...] = (
    {"code": "ONCE", "kind": "percent", "rate_bp": 1000, "max_uses": 1},
    {"code": "SHIP", "kind": "free_shipping", "max_uses_per_customer": 1},
)
Thing = TypeVar("Thing")


def open_shop() -> None:
    """Make what all examples begin with."""
    builders.open_shop()
    ensure_warehouse(code="north", name="Northern warehouse")
    for sku in SKUS:
        builders.add_product(sku, price_minor=PRICES[sku], on_hand=STOCK["main"][sku])
    adjust(warehouse_code="north", deltas=STOCK["north"], reason="opening", actor="test")
    for terms in VOUCHERS:
        Voucher.objects.create(**terms)


@dataclass
class World:
    """One example. `story` is what was done, in words; `counts` how often which act did something,
    and how often it was refused."""

    is_multicapture: bool = False
    clock: Clock = field(default_factory=Clock)
    orders: list[int] = field(default_factory=list)
    secrets: dict[str, int] = field(default_factory=dict)
    story: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    account: Account = field(init=False)
    depot: Depot = field(init=False)
    house: House = field(init=False)

    def __post_init__(self) -> None:
        self.account = Account(self.clock, self.is_multicapture)
        self.depot = Depot(self.clock)
        self.house = House(self.clock, self.account, self.depot)
        for place, units in STOCK.items():
            self.depot.shelf.update({(place, sku): count for sku, count in units.items()})

    def tick(self) -> None:
        """Nothing happens at the same time as something else."""
        self.clock.move(TICK)

    def rows(self) -> list[Order]:
        """Return the orders, oldest first."""
        return list(Order.objects.filter(pk__in=self.orders).order_by("pk"))

    def order(self, pick: int) -> Order | None:
        """Return one of the orders that were placed."""
        return choose([row for row in self.rows() if row.state != OrderState.DRAFT], pick)

    def tell(self, words: str) -> None:
        """Note what was done."""
        self.story.append(f"{self.clock.now():%d %H:%M:%S} {words}")


def choose(things: Sequence[Thing], pick: int) -> Thing | None:
    """Return one of the things, the first by 0; None where there is none."""
    return things[pick % len(things)] if things else None


def tell_story(world: World) -> str:
    """Return what was done, and what became of each order, for whoever has to understand it."""
    lines = ["What was done:", *(f"  {each}" for each in world.story)]
    for order in world.rows():
        lines.append(f"Order {order.pk} is {order.state}:")
        entries = TimelineEntry.objects.filter(subject_type="order", subject_id=order.pk)
        lines += [f"  {_entry(each)}" for each in entries.order_by("id")]
        attempts = PaymentAttempt.objects.filter(order=order).order_by("pk")
        refunds = Refund.objects.filter(order=order).order_by("pk")
        lines += [f"  attempt {each.number}: {each.state}" for each in attempts]
        lines += [f"  refund of {each.amount_minor}: {each.state}" for each in refunds]
    return "\n".join(lines)


def _entry(entry: TimelineEntry) -> str:
    steps = f" {entry.before} -> {entry.after}" if entry.before else ""
    words: tuple[Any, ...] = (entry.kind + steps, entry.actor, entry.reason, entry.data or "")
    return f"{entry.created_at:%d %H:%M:%S} " + " | ".join(str(each) for each in words if each)
