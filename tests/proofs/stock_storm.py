"""A storm of sales, releases, counts, deltas and parcels over a few SKUs in two warehouses.

The warehouse is played in memory: its shelves are the truth, and what happens on them is told
late, twice and in any order. The database itself looks at every commit.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from uuid import uuid4

from django.db import OperationalError, connection, connections, transaction
from django.utils import timezone

from fulfillment.gateways.wms import StockDelta, StockLevel, StockSnapshot
from fulfillment.models import (
    Fulfillment,
    Reservation,
    Shipment,
    ShipmentLine,
    Stock,
    StockAdjustment,
)
from fulfillment.services import counts, requests, shelves, stock
from globalmart.core.db import is_lock_timeout
from globalmart.core.models import OutboxEvent
from orders.models import Order
from tests import builders
from tests.concurrency.racing import race

SKUS = tuple(f"SKU-{number}" for number in range(6))
OPENING = 60
Place = tuple[int, str]  # a warehouse and a SKU
Figures = dict[str, object]


@dataclass(frozen=True, slots=True)
class Parcel:
    order_id: int
    warehouse_id: int
    fulfillment_id: int
    key: str
    shipped_at: datetime
    quantities: Mapping[str, int]


@dataclass(slots=True)
class Warehouses:
    """What truly lies there, and what has not been told yet."""

    ids: tuple[int, ...]
    shelves: dict[Place, int]
    opening: int
    # (order, warehouse, request) -> what is still to be shipped of it.
    wanted: dict[tuple[int, int, int], dict[str, int]] = field(default_factory=dict)
    untold: list[Parcel | tuple[int, StockDelta] | tuple[int, StockSnapshot]] = field(
        default_factory=list
    )
    lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, row: Fulfillment) -> None:
        """Ask for this request's goods to be shipped."""
        wanted = dict(row.lines.values_list("sku", "quantity"))
        with self.lock:
            self.wanted[row.order_id, row.warehouse_id, row.pk] = wanted

    def cancel(self, order_id: int) -> bool:
        """Stop what was asked for; False if any of it has left."""
        with self.lock:
            keys = [key for key in self.wanted if key[0] == order_id]
            if any(self.wanted[key] == {} for key in keys):
                return False
            for key in keys:
                del self.wanted[key]
            return True

    def ship(self, random: Random) -> None:
        """Ship all of one request that the shelves have goods for."""
        with self.lock:
            key = random.choice([key for key, want in self.wanted.items() if want] or [(0, 0, 0)])
            wanted = self.wanted.get(key, {})
            places = {(key[1], sku): units for sku, units in wanted.items()}
            if not wanted or any(self.shelves[at] < units for at, units in places.items()):
                return
            for at, units in places.items():
                self.shelves[at] -= units
            self.wanted[key] = {}
            self.untold.append(Parcel(*key, uuid4().hex, timezone.now(), wanted))

    def change(self, random: Random) -> None:
        """Goods come, break or are found."""
        with self.lock:
            place = random.choice(list(self.shelves))
            units = (
                random.choice([-3, -2, -1, 4, 9]) if self.shelves[place] < 2 * self.opening else -9
            )
            units = max(units, -self.shelves[place])
            if units:
                self.shelves[place] += units
                key = uuid4().hex
                delta = StockDelta(key, place[1], units, timezone.now(), "found or lost")
                self.untold.append((place[0], delta))

    def count(self, warehouse_id: int, skus: tuple[str, ...] = SKUS) -> None:
        """Count these SKUs."""
        with self.lock:
            items = tuple(StockLevel(sku, self.shelves[warehouse_id, sku]) for sku in skus)
            self.untold.append((warehouse_id, StockSnapshot(uuid4().hex, timezone.now(), items)))

    def news(self, random: Random) -> Parcel | tuple[int, StockDelta | StockSnapshot] | None:
        """Return something that was not told yet: any of the last hundred, now and then twice."""
        with self.lock:
            if not self.untold:
                return None
            place = random.randrange(min(100, len(self.untold)))
            found = self.untold[place]
            if random.random() < 0.9 or isinstance(found, Parcel):
                del self.untold[place]
            return found


@dataclass(slots=True)
class Storm:
    base: Order
    warehouses: Warehouses
    ends: float
    orders: list[int] = field(default_factory=list)
    confirmed: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    seen: Counter[str] = field(default_factory=Counter)

    def count(self, what: str) -> None:
        with self.lock:
            self.seen[what] += 1


def sell_last_unit(buyers: int, *, at_once: int = 150) -> Figures:
    """Many buyers of one unit: one gets it."""
    builders.add_product("LAST", on_hand=1)
    places = threading.BoundedSemaphore(at_once)

    def buy(number: int) -> str:
        with places:
            try:
                builders.place({"LAST": 1}, key=f"last-{number}")
            except stock.OutOfStock:
                return "sold out"
            finally:
                connections.close_all()
            return "sold"

    found = Counter(race(*[lambda n=n: buy(n) for n in range(buyers)]))  # type: ignore[misc]
    assert found == {"sold": 1, "sold out": buyers - 1}, found
    assert Stock.objects.get(sku="LAST").reserved == 1
    return {"buyers of one unit": buyers, "sold": found["sold"], "sold out": found["sold out"]}


def run_storm(*, seconds: float, opening: int = OPENING, seed: int = 1) -> Figures:
    """Let everything happen at once for so long; tell what is untold; compare with the shelves."""
    storm = _prepare(seconds, opening)
    with _watching():
        acts = [_sell] * 3 + [_release, _go_on, _act, _tell, _tell, _tell]
        with ThreadPoolExecutor(len(acts)) as pool:
            blown = [
                pool.submit(_blow, storm, act, Random(seed * 1000 + place))
                for place, act in enumerate(acts)
            ]
            for each in blown:
                each.result()
        while storm.warehouses.untold:
            _tell(storm, Random(seed))
        figures = _check(storm)
    return {"seed": seed, "seconds": seconds, **dict(sorted(storm.seen.items())), **figures}


def _prepare(seconds: float, opening: int) -> Storm:
    builders.open_shop()
    builders.add_product("MUG")
    base = builders.place({"MUG": 1})
    here = Stock.objects.get(sku="MUG").warehouse
    there = stock.ensure_warehouse(code="north", name="North")
    ids = (here.pk, there.pk)
    world = Warehouses(ids, {(key, sku): opening for key in ids for sku in SKUS}, opening)
    for key in ids:
        world.count(key)
    storm = Storm(base, world, time.monotonic() + seconds)
    while world.untold:
        _tell(storm, Random(1))
    return storm


def _blow(storm: Storm, act: Callable[[Storm, Random], None], random: Random) -> None:
    """One thread. A deadlock ends the storm; whoever waits too long for a lock tries again."""
    try:
        while time.monotonic() < storm.ends:
            try:
                act(storm, random)
            except OperationalError as error:
                if not is_lock_timeout(error):
                    raise
                storm.count("busy")
    finally:
        connections.close_all()


def _sell(storm: Storm, random: Random) -> None:
    """An order of some SKUs; most are paid for at once, and the warehouses are asked."""
    order_id = place_bare(storm.base)
    skus = random.sample(SKUS, random.randrange(1, 4))
    try:
        with transaction.atomic():
            stock.reserve(
                order_id=order_id, quantities={sku: random.randrange(1, 5) for sku in skus}
            )
    except stock.OutOfStock:
        storm.count("out of stock")
        return
    storm.count("reserved")
    if random.random() < 0.8:
        with transaction.atomic():
            Order.objects.locked().get(pk=order_id)
            stock.commit_reservations(order_id=order_id)
            _open_requests(order_id)
        _ask(storm, order_id)
        storm.confirmed.add(order_id)
    with storm.lock:
        storm.orders.append(order_id)


def place_bare(base: Order) -> int:
    """Place an order like this one, without anything that hangs on it."""
    key = uuid4().hex
    row = Order.objects.get(pk=base.pk)
    row.pk, row.public_id, row.number = None, f"ord_{key}", f"GM-{key[:5]}-{key[5:10]}"
    row.save(force_insert=True)
    return row.pk


def _open_requests(order_id: int) -> int:
    """Open requests for what is reserved and not asked for yet."""
    return requests.open_fulfillment(
        order_id=order_id,
        order_number=Order.objects.get(pk=order_id).number,
        service="standard",
        ship_to={},
        lines=[],
        now=timezone.now(),
    )


def _ask(storm: Storm, order_id: int) -> None:
    """Ask the warehouses for what they have not been asked for."""
    asked = {key[2] for key in list(storm.warehouses.wanted) if key[0] == order_id}
    for row in Fulfillment.objects.filter(order_id=order_id).exclude(pk__in=asked):
        storm.warehouses.ask(row)


def _go_on(storm: Storm, random: Random) -> None:
    """A back-order has been filled: a further request for it. Now and then nobody commits it."""
    time.sleep(0.005)
    with storm.lock:
        open_ = [order_id for order_id in storm.orders if order_id in storm.confirmed]
        if not open_:
            return
        # The youngest are those that go without.
        order_id = random.choice(open_[-30:])
        storm.orders.remove(order_id)
    try:
        with transaction.atomic():
            Order.objects.locked().get(pk=order_id)
            if random.random() < 0.5:
                stock.commit_reservations(order_id=order_id)
            opened = _open_requests(order_id)
        if opened:
            _ask(storm, order_id)
            storm.count("went on")
    finally:
        with storm.lock:
            storm.orders.append(order_id)


def _release(storm: Storm, random: Random) -> None:
    """An order is cancelled, unless some of it has left."""
    time.sleep(0.005)
    with storm.lock:
        if len(storm.orders) < 10:
            return
        order_id = storm.orders.pop(random.randrange(len(storm.orders)))
    if storm.warehouses.cancel(order_id):
        with transaction.atomic():
            Order.objects.locked().get(pk=order_id)
            stock.release_reservations(order_id=order_id)
        storm.count("released")


def _act(storm: Storm, random: Random) -> None:
    """The warehouses work."""
    time.sleep(0.002)
    drawn = random.random()
    if drawn < 0.65:
        storm.warehouses.ship(random)
    elif drawn < 0.95:
        storm.warehouses.change(random)
    else:
        skus = tuple(random.sample(SKUS, random.randrange(1, len(SKUS))))
        storm.warehouses.count(random.choice(storm.warehouses.ids), skus)


def _tell(storm: Storm, random: Random) -> None:
    """A poll hears something, in whatever order."""
    news = storm.warehouses.news(random)
    try:
        _record(storm, news)
    except OperationalError:
        if news is not None:
            storm.warehouses.untold.append(news)
        raise


def _record(storm: Storm, news: Parcel | tuple[int, StockDelta | StockSnapshot] | None) -> None:
    now = timezone.now()
    if news is None:
        time.sleep(0.002)
    elif isinstance(news, Parcel):
        _record_parcel(news)
        storm.count("parcels told")
    elif isinstance(news[1], StockDelta):
        counts.apply_deltas(warehouse_id=news[0], deltas=[news[1]], now=now)
        storm.count("deltas told")
    else:
        counts.apply_snapshot(warehouse_id=news[0], snapshot=news[1], now=now)
        storm.count("counts told")


@transaction.atomic
def _record_parcel(parcel: Parcel) -> None:
    request = Fulfillment.objects.locked().get(pk=parcel.fulfillment_id)
    shipment = Shipment.objects.create(
        public_id=parcel.key,
        order_id=parcel.order_id,
        fulfillment=request,
        warehouse_id=parcel.warehouse_id,
        wms_shipment_id=parcel.key,
        shipped_at=parcel.shipped_at,
    )
    ShipmentLine.objects.bulk_create(
        ShipmentLine(shipment=shipment, sku=sku, quantity=units)
        for sku, units in parcel.quantities.items()
    )
    stock.consume(
        order_id=parcel.order_id,
        warehouse_id=parcel.warehouse_id,
        quantities=parcel.quantities,
        shipped_at=parcel.shipped_at,
    )


@contextmanager
def _watching() -> Iterator[None]:
    """Have the database look at every commit that changes a row of stock: whether `reserved` is
    what reservations say, and whether what is on hand is what was counted and has happened since,
    worked out anew."""
    with connection.cursor() as cursor:
        cursor.execute(_WATCH)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TRIGGER storm_watch ON fulfillment_stock")
            cursor.execute("DROP FUNCTION storm_watch()")


_WATCH = """
CREATE TABLE IF NOT EXISTS stock_breach (stock_id bigint, what text, found int, expected int);
CREATE SEQUENCE IF NOT EXISTS stock_commits;
TRUNCATE stock_breach;
CREATE FUNCTION storm_watch() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    row fulfillment_stock;
    open int;
    shelf int;
BEGIN
    PERFORM nextval('stock_commits');
    SELECT * INTO row FROM fulfillment_stock WHERE id = NEW.id;
    SELECT coalesce(sum(quantity - shipped), 0) INTO open FROM fulfillment_reservation
     WHERE warehouse_id = row.warehouse_id AND sku = row.sku AND state IN ('held', 'committed');
    IF open <> row.reserved OR row.reserved < 0 OR row.reserved > row.on_hand THEN
        INSERT INTO stock_breach VALUES (row.id, 'reserved', row.reserved, open);
    END IF;
    IF row.counted IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT row.counted
         + coalesce((SELECT sum(delta) FROM fulfillment_stockadjustment
                      WHERE warehouse_id = row.warehouse_id AND sku = row.sku
                        AND occurred_at > row.counted_at), 0)
         - coalesce((SELECT sum(line.quantity) FROM fulfillment_shipmentline line
                       JOIN fulfillment_shipment parcel ON parcel.id = line.shipment_id
                      WHERE parcel.warehouse_id = row.warehouse_id AND line.sku = row.sku
                        AND parcel.shipped_at > row.counted_at), 0) INTO shelf;
    IF row.on_hand - row.overdrawn <> shelf THEN
        INSERT INTO stock_breach VALUES (row.id, 'shelf', row.on_hand - row.overdrawn, shelf);
    END IF;
    IF row.on_hand - row.reserved > greatest(shelf, 0) THEN
        INSERT INTO stock_breach VALUES (row.id, 'available', row.on_hand - row.reserved, shelf);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER storm_watch AFTER UPDATE ON fulfillment_stock
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION storm_watch();
"""


def _check(storm: Storm) -> Figures:
    """Nothing was seen, and now that all is told, our books are the shelves."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT what, found, expected FROM stock_breach LIMIT 20")
        breaches = cursor.fetchall()
        cursor.execute("SELECT last_value FROM stock_commits")
        (commits,) = cursor.fetchone()
    assert breaches == [], breaches
    for row in Stock.objects.filter(sku__in=SKUS):
        truth = storm.warehouses.shelves[row.warehouse_id, row.sku]
        assert (row.on_hand, row.overdrawn) == (truth, 0), (row, row.on_hand, truth)
        held = Reservation.objects.filter(
            warehouse_id=row.warehouse_id, sku=row.sku, state__in=["held", "committed"]
        )
        assert row.reserved == sum(each.quantity - each.shipped for each in held)
    states = Counter(Reservation.objects.values_list("state", flat=True))
    return {
        "changes of stock looked at": commits,
        "breaches": len(breaches),
        "turned into back-orders": _told("stock.backordered"),
        "filled": _told("stock.backorder_filled"),
        "parcels that left before a count": StockAdjustment.objects.filter(
            reason=shelves.TOO_LATE
        ).count(),
        "left before they were known of": StockAdjustment.objects.filter(
            reason=shelves.OVERDRAWN, delta__gt=0
        ).count(),
        **{f"in the end {state}": count for state, count in sorted(states.items())},
    }


def _told(name: str) -> int:
    return OutboxEvent.objects.filter(name=name).count()
