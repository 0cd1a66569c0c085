"""One seeded order: who bought what, when, and how it went, as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from fulfillment.services.seeding import SeedLine, SeedParcel, SeedRequest
from fulfillment.states import FulfillmentState, ReservationState, ShipmentState
from globalmart.core.ids import NUMBER_DIGITS, check_character, encode
from globalmart.core.money import included_tax
from orders.seeds.people import ORDERS_PER_PERSON, Person, person
from orders.seeds.plans import Plan
from orders.seeds.rates import METHODS, TAX
from payments.services.seeding import SeedPayment

DISCOUNT_PERCENT = 10
MOST_LINES = 4
# Coprime to 31 ** 9: every order number is met once before one comes again.
STEP, SPACE = 8_675_309_000_003, 31**9
EXPIRES_AFTER = timedelta(minutes=30)


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


class Teller:
    """Tells stories: the same for the same random numbers. `at` is the moment of seeding (UTC)."""

    def __init__(self, *, goods: Sequence[Goods], people: int, at: datetime) -> None:
        self.goods, self.people, self.at = goods, max(1, people // ORDERS_PER_PERSON), at

    def tell(self, *, order_id: int, plan: Plan, placed_at: datetime, random: Random) -> Story:
        """Return the story of one order."""
        buyer = person(int(self.people * random.random() ** 1.3))
        country = buyer.address["country"]
        currency = "GBP" if country == "GB" else "EUR"
        lines = self._lines(plan, country, currency, random)
        goods_minor = sum(line.total_minor for line in lines)
        method = METHODS[random.random() < 0.15]
        price, free_from = method.rates[currency]
        shipping = 0 if free_from is not None and goods_minor >= free_from else price
        standard = TAX[country][0]
        story = Story(
            order_id=order_id,
            plan=plan,
            number=order_number(order_id),
            public_id=public_id("ord", placed_at, random),
            buyer=buyer,
            currency=currency,
            method=method.code,
            shipping_minor=shipping,
            shipping_tax_minor=included_tax(shipping, standard),
            shipping_tax_rate_bp=standard,
            is_api=random.random() < 0.3,
            placed_at=placed_at,
            paid_at=placed_at + timedelta(seconds=random.randint(20, 90)),
            asked_at=placed_at + timedelta(minutes=random.randint(2, 9)),
            shipped_at=[],
            ended_at=placed_at,
            delivered_at=None,
            refund_at=None,
            dispute_at=None,
            lines=lines,
        )
        self._time(story, random)
        return story

    def _lines(self, plan: Plan, country: str, currency: str, random: Random) -> list[StoryLine]:
        count = max(plan.least_lines, 1 + int(MOST_LINES * random.random() ** 2.5))
        chosen: dict[str, Goods] = {}
        while len(chosen) < count:
            goods = self.goods[int(len(self.goods) * random.random() ** 1.5)]
            chosen[goods.sku] = goods
        percent = DISCOUNT_PERCENT if random.random() < 0.08 else 0
        standard, reduced = TAX[country]
        lines = []
        for place, goods in enumerate(chosen.values()):
            quantity = 1 + int(3 * random.random() ** 3)
            price = goods.prices[currency] * quantity
            discount = price * percent // 100
            rate = {"standard": standard, "reduced": reduced}.get(goods.tax_class, 0)
            total = price - discount
            is_shipped = plan.shipped == "all" or (plan.shipped == "first" and not place)
            tax = included_tax(total, rate)
            lines.append(StoryLine(goods, quantity, discount, rate, tax, total, is_shipped))
        return lines

    def _time(self, story: Story, random: Random) -> None:
        """Give each thing that happened its time, all before the moment of seeding."""
        plan, placed = story.plan, story.placed_at
        if not plan.is_paid:
            story.paid_at = story.ended_at = placed + timedelta(seconds=30)
            if plan.order == "expired":
                story.paid_at = story.ended_at = placed + EXPIRES_AFTER + timedelta(seconds=40)
        elif plan.order == "cancelled":
            story.ended_at = placed + timedelta(minutes=random.randint(60, 240))
        elif plan.shipped == "none":
            story.ended_at = story.asked_at
        else:
            self._ship(story, random)

    def _ship(self, story: Story, random: Random) -> None:
        plan, placed = story.plan, story.placed_at
        first = placed + timedelta(minutes=random.randint(300, 2400))
        if plan.order != "completed":
            first = placed + (self.at - placed) * 0.6
        story.shipped_at = [first]
        if plan.parcels > 1:
            story.shipped_at.append(first + timedelta(minutes=random.randint(200, 1200)))
        last = story.shipped_at[-1]
        story.ended_at = last
        if plan.order == "completed":
            story.ended_at = last + timedelta(minutes=4)
        if plan.order == "completed" and plan.parcel == "delivered":
            story.delivered_at = last + timedelta(minutes=random.randint(1200, 4300))
        if plan.refund:
            later = timedelta(minutes=random.randint(60, 1400))
            is_old = plan.refund == "succeeded"
            story.refund_at = (last if is_old else self.at - timedelta(hours=40)) + later
        if plan.dispute:
            is_open = plan.dispute == "needs_response"
            story.dispute_at = self.at - timedelta(hours=random.randint(1, 40))
            if not is_open:
                story.dispute_at = last + timedelta(days=10)


def payment_of(story: Story, ids: dict[str, int]) -> SeedPayment | None:
    """Return how the order was paid for; None of a draft."""
    plan = story.plan
    if plan.payment is None:
        return None
    refunded = story.lines[0].total_minor
    captures = story.captures
    taken = sum(amount for _, amount in captures)
    is_shortened = plan.payment == "captured" and taken < story.total_minor
    return SeedPayment(
        order_id=story.order_id,
        order_public_id=story.public_id,
        order_number=story.number,
        currency=story.currency,
        amount_minor=story.total_minor,
        due_minor=taken if is_shortened else story.total_minor,
        placed_at=story.placed_at,
        paid_at=story.paid_at,
        ended_at=captures[-1][0]
        if captures
        else (story.ended_at if plan.payment == "cancelled" else story.paid_at),
        state=plan.payment,
        is_server=story.is_api or plan.payment == "unknown",
        is_declined=plan.is_declined,
        captures=captures,
        refund=(plan.refund, story.refund_at, refunded)
        if plan.refund and story.refund_at
        else None,
        refunded_units=story.lines[0].quantity,
        dispute=(plan.dispute, story.dispute_at) if plan.dispute and story.dispute_at else None,
        ids=ids,
    )


def request_of(story: Story, ids: dict[str, int], random: Random) -> SeedRequest | None:
    """Return what the order keeps and asked of the warehouse; None of a draft."""
    plan = story.plan
    if plan.payment is None:
        return None
    is_short = plan.request == FulfillmentState.INCOMPLETE
    lines = [
        SeedLine(
            sku=line.goods.sku,
            name=line.goods.name,
            quantity=line.quantity,
            shipped=line.quantity if line.is_shipped else 0,
            state=ReservationState.CONSUMED if line.is_shipped else plan.rest,
            short=line.quantity if is_short and not line.is_shipped else 0,
        )
        for line in story.lines
    ]
    parcels = (
        [
            SeedParcel(
                public_id=public_id("shp", at, random),
                shipped_at=at,
                state=plan.parcel if story.delivered_at else ShipmentState.IN_TRANSIT,
                delivered_at=story.delivered_at,
                units={line.goods.sku: line.quantity for line in part},
            )
            for at, part in zip(story.shipped_at, story.parcels(), strict=True)
        ]
        if story.shipped_at
        else []
    )
    return SeedRequest(
        order_id=story.order_id,
        order_number=story.number,
        service=story.method,
        ship_to={**story.buyer.address, "phone": story.buyer.phone},
        lines=lines,
        placed_at=story.placed_at,
        asked_at=story.asked_at,
        changed_at=story.shipped_at[-1]
        if story.shipped_at
        else max(story.asked_at, story.ended_at),
        state=plan.request,
        is_held=plan.request == FulfillmentState.ON_HOLD,
        parcels=parcels,
        ids=ids,
    )
