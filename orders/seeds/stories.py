"""One seeded order: who bought what, when, and how it went, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from globalmart.core.ids import NUMBER_DIGITS, check_character, encode
from orders.seeds.people import Person
from orders.seeds.plans import Plan

# Coprime to 31 ** 9: every order number is met once before one comes again.
STEP, SPACE = 8_675_309_000_003, 31**9


@dataclass(frozen=True, slots=True)
class Goods:
    """A product of the shop; prices in minor units by currency, tax included."""

    product_id: int
    sku: str
    name: str
    tax_class: str
    prices: Mapping[str, int]


@dataclass(slots=True)
class StoryLine:
    goods: Goods
    quantity: int
    discount_minor: int
    tax_rate_bp: int
    tax_minor: int
    total_minor: int
    is_shipped: bool = False


@dataclass(slots=True)
class Story:
    """An order from its placing to where its plan ends. Times in UTC, money in minor units."""

    order_id: int
    plan: Plan
    number: str
    public_id: str
    buyer: Person
    currency: str
    method: str
    shipping_minor: int
    shipping_tax_minor: int
    shipping_tax_rate_bp: int
    is_api: bool
    placed_at: datetime
    paid_at: datetime
    asked_at: datetime
    shipped_at: list[datetime]
    ended_at: datetime
    delivered_at: datetime | None
    refund_at: datetime | None
    dispute_at: datetime | None
    lines: list[StoryLine] = field(default_factory=list)

    @property
    def total_minor(self) -> int:
        return sum(line.total_minor for line in self.lines) + self.shipping_minor

    @property
    def captures(self) -> list[tuple[datetime, int]]:
        """What was taken with each parcel: its goods, and shipping with the first."""
        if self.plan.shipped == "none":
            return []
        parts = self.parcels()
        return [
            (at, sum(line.total_minor for line in part) + (0 if place else self.shipping_minor))
            for place, (at, part) in enumerate(zip(self.shipped_at, parts, strict=True))
        ]

    def parcels(self) -> list[list[StoryLine]]:
        """The lines of each parcel."""
        sent = [line for line in self.lines if line.is_shipped]
        return [sent[:1], sent[1:]] if len(self.shipped_at) > 1 else [sent]


def order_number(order_id: int) -> str:
    """Return a number that no other seeded order has."""
    rest, digits = order_id * STEP % SPACE, []
    for _ in range(9):
        rest, digit = divmod(rest, 31)
        digits.append(NUMBER_DIGITS[digit])
    body = "".join(digits)
    return f"GM-{body[:5]}-{body[5:]}{check_character(body)}"


def public_id(prefix: str, at: datetime, random: Random) -> str:
    """Return a typed id of a moment, as core.ids makes them."""
    return f"{prefix}_{encode(int(at.timestamp() * 1000) << 80 | random.getrandbits(80), 26)}"
