"""Telling the stories of seeded orders: who buys what, and when each thing happens."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from globalmart.core.money import included_tax
from orders.seeds.people import ORDERS_PER_PERSON, person
from orders.seeds.plans import Plan
from orders.seeds.rates import METHODS, TAX
from orders.seeds.stories import Goods, Story, StoryLine, order_number, public_id

DISCOUNT_PERCENT = 10
MOST_LINES = 4
EXPIRES_AFTER = timedelta(minutes=30)


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
