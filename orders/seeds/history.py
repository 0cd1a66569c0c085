"""Two years of a shop's orders, copied into an installation: all of them, or none."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import datetime, timedelta
from random import Random
from typing import Any

from django.db import connection, transaction

from fulfillment.services import seeding as fulfillment
from globalmart.core import bulk
from globalmart.core.models import ApiClient
from orders.models import Product
from orders.seeds import demo, papers, rows
from orders.seeds.catalogue import list_products
from orders.seeds.facts import payment_of, request_of
from orders.seeds.plans import DELIVERED, ENDED, OPEN, Plan
from orders.seeds.rhythm import times
from orders.seeds.stories import Goods
from orders.seeds.telling import Teller
from payments.services import seeding as payments

YEARS = timedelta(days=730)
# The last days' orders are those of plans.OPEN.
RECENT = timedelta(days=10)
DISPUTES_LAST = timedelta(days=90)
BATCH = 2_000
# From so many orders on it pays to build indexes anew.
REBUILD_FROM = 20_000
CLIENT = "Seeded marketplace"
COLUMNS: bulk.Columns = {
    **rows.COLUMNS,
    **papers.COLUMNS,
    **payments.COLUMNS,
    **fulfillment.COLUMNS,
}
PER_ORDER = {**rows.PER_ORDER, **papers.PER_ORDER, **payments.PER_ORDER, **fulfillment.PER_ORDER}

Planned = tuple[datetime, Plan]
Progress = Callable[[str, int], None]


def seed_history(*, orders: int, seed: int, at: datetime, progress: Progress) -> None:
    """Add so many orders of the two years before `at` (UTC), in every state there is.

    The same seed, moment and installation give the same rows. One transaction: whatever fails, all
    is as it was. `progress` is told what is done and how many orders are. Raises LiveInstallation.
    """
    demo.seed_shop()
    with transaction.atomic():
        History(orders=orders, seed=seed, at=at, progress=progress).write()
        progress("analyzing", orders)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE " + ", ".join(COLUMNS))


class History:
    """One run: its counters go on from order to order."""

    def __init__(self, *, orders: int, seed: int, at: datetime, progress: Progress) -> None:
        self.orders, self.seed, self.at, self.progress = orders, seed, at, progress
        self.teller = Teller(goods=_list_goods(), people=orders, at=at)
        self.papers = papers.Papers()
        self.shelf = fulfillment.open_shelf(warehouse_code=demo.WAREHOUSE_CODE)
        client, _ = ApiClient.objects.get_or_create(name=CLIENT)
        self.client_id = client.pk
        self.first = bulk.last_ids(COLUMNS)

    def write(self) -> None:
        """Copy all orders in, and settle what they counted up."""
        big = self.orders >= REBUILD_FROM
        with bulk.rebuilding(COLUMNS) if big else nullcontext():
            for first, batch in self._batches():
                self._copy(first, batch)
                self.progress("orders", first + len(batch))
            self.progress("indexes", self.orders)
        self.papers.close()
        fulfillment.settle_stock(shelf=self.shelf, at=self.at)
        bulk.set_sequences(COLUMNS)

    def _batches(self) -> Iterator[tuple[int, list[Planned]]]:
        """Give batches of planned orders, oldest first, each with the place of its first."""
        planned: list[Planned] = []
        first = 0
        for each in self._plan():
            planned.append(each)
            if len(planned) == BATCH:
                yield first, planned
                first, planned = first + BATCH, []
        if planned:
            yield first, planned

    def _plan(self) -> Iterator[Planned]:
        """Give each order's moment and plan, oldest first."""
        random = self._random("plan")
        recent = min(self.orders, max(2 * len(OPEN), self.orders * RECENT // YEARS))
        ended = self.orders - recent
        plans, shares = list(ENDED.values()), [plan.share for plan in ENDED.values()]
        clock = times(orders=max(ended, 1), begin=self.at - YEARS, end=self.at - RECENT)
        for placed_at in clock.between(0, ended, random):
            plan = random.choices(plans, shares)[0]
            if plan.dispute and placed_at > self.at - DISPUTES_LAST:
                plan = DELIVERED
            yield placed_at, plan
        yield from sorted(self._plan_recent(recent, random), key=lambda each: each[0])

    def _plan_recent(self, count: int, random: Random) -> Iterator[Planned]:
        plans, shares = list(OPEN.values()), [plan.share for plan in OPEN.values()]
        for place in range(count):
            # Each of them once at least, as far as there are orders.
            plan = plans[place] if place < len(plans) else random.choices(plans, shares)[0]
            age = timedelta(minutes=random.uniform(*plan.age))
            yield (self.at - age).replace(microsecond=0), plan

    def _copy(self, first: int, batch: list[Planned]) -> None:
        sink: rows.Sink = {table: [] for table in COLUMNS}
        random = self._random(first)
        for place, (placed_at, plan) in enumerate(batch, start=first):
            self._write_order(place, placed_at, plan, sink, random)
        for table, found in sink.items():
            if found:
                bulk.copy_rows(table=table, columns=COLUMNS[table], rows=found)

    def _random(self, what: object) -> Random:
        """Return random numbers that no run before has had: ids that vendors give are unique."""
        return Random(f"{self.seed}:{self.first[rows.ORDER]}:{what}")

    def _write_order(
        self, place: int, placed_at: datetime, plan: Plan, sink: rows.Sink, random: Random
    ) -> None:
        ids = {table: self.first[table] + place * count for table, count in PER_ORDER.items()}
        ids["request"] = ids[fulfillment.REQUEST] + 1
        story = self.teller.tell(
            order_id=ids[rows.ORDER] + 1, plan=plan, placed_at=placed_at, random=random
        )
        notes = rows.write(story=story, sink=sink, ids=ids, client_id=self.client_id, random=random)
        payment = payment_of(story, ids)
        if payment is not None:
            told, moves = payments.write(seed=payment, sink=sink, random=random)
            notes += told
            self.papers.write(story=story, moves=moves, sink=sink, ids=ids)
        request = request_of(story, ids, random)
        if request is not None:
            notes += fulfillment.write(seed=request, sink=sink, shelf=self.shelf, random=random)
        rows.tell(story=story, notes=notes, sink=sink, ids=ids)


def _list_goods() -> list[Goods]:
    """Return the demo's goods that ship at once, as the shop has them."""
    known: dict[str, Any] = dict(Product.objects.values_list("sku", "pk"))
    return [
        Goods(
            known[product.sku],
            product.sku,
            product.name,
            product.tax_class,
            {"GBP": product.gbp_minor, "EUR": product.eur_minor},
        )
        for product in list_products()
        if product.sku in known and not product.ships_in_days
    ]
