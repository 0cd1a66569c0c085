"""Orders while the warehouse cannot be believed: what is applied is not answered, what is told
comes twice, late or in disorder, and what is asked for is not on the shelf.

Sizes: small in `make test`, a thousand orders in `make proof-warehouse`.
"""

import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

from globalmart.sandbox.browsing import Browser
from tests.journeys.scenarios import Figures, no_findings
from tests.journeys.shop import Shop, order_body

SETTLE_SECONDS = 300.0
ORDERS_A_SECOND = 5
# Applied and not answered, or not in a way that can be read; each with its share of the calls.
SUBMISSIONS = {
    "drop_after_apply": 0.10,
    "error_after_apply": 0.05,
    "fault_after_apply": 0.05,
    "drop_before": 0.02,
    "error_before": 0.03,
    "malformed": 0.01,
    "external_entity": 0.01,
    "billion_laughs": 0.01,
    "wrong_namespace": 0.01,
    "huge": 0.005,
    "drip": 0.005,
}
LISTS = {"duplicate": 0.3, "reorder": 0.2, "omit": 0.1, "malformed": 0.02, "error_before": 0.05}
LAG_SECONDS = 30
ENDED = ("completed", "cancelled")
FINAL = """
    SELECT o.public_id, o.state FROM orders_order o
     WHERE o.public_id = ANY(%s) AND o.state NOT IN ('completed', 'cancelled')
"""


def hostile_warehouse(
    shop: Shop,
    *,
    orders: int,
    seed: int = 1,
    submissions: Mapping[str, float] = SUBMISSIONS,
    lag_seconds: float = LAG_SECONDS,
) -> Figures:
    """Answers are lost, unreadable, huge and slow, lists repeat and forget, look-ups lag half a
    minute, one parcel in twenty is short: one order at the warehouse per request all the same."""
    with misbehaving(shop, submissions, seed=seed, lag_seconds=lag_seconds) as hits:
        urls = _place_steadily(shop, orders)
        _wait_until_most_end(shop, list(urls))
        counted = hits()
    quiet_since = time.monotonic()
    chosen = _settle(shop, urls)
    settled = time.monotonic() - quiet_since
    return {
        "orders": orders,
        "seed": seed,
        **counted,
        **_judge(shop, list(urls)),
        "shortages that customers settled": chosen,
        "seconds from the last fault to all settled": round(settled, 1),
        "audit findings": no_findings(shop),
    }


@contextmanager
def misbehaving(
    shop: Shop, submissions: Mapping[str, float], *, seed: int, lag_seconds: float
) -> Iterator[Any]:
    """Set faults and habits, give a function that counts the faults' hits, remove them."""
    faults = [
        {"operation": "SubmitOrder", "fault": fault, "probability": chance, "seed": seed + number}
        for number, (fault, chance) in enumerate(submissions.items())
    ]
    faults += [
        {"operation": "ListChanges", "fault": fault, "probability": chance, "seed": seed}
        for fault, chance in LISTS.items()
    ]
    faults += [
        {"operation": call, "fault": "lag", "probability": 0.3, "seconds": lag_seconds}
        for call in ("GetOrder", "ListChanges")
    ]
    for fault in faults:
        control(shop, "POST", "faults", fault)
    control(shop, "POST", "habits", {"split": 0.2, "short": 0.03, "deliver_after": 2, "seed": seed})

    def hits() -> dict[str, int]:
        found: Counter[str] = Counter()
        for fault in control(shop, "GET", "faults")["faults"]:
            found[f"{fault['operation']} {fault['fault']}"] += fault["hits"]
        return dict(found)

    try:
        yield hits
    finally:
        control(shop, "DELETE", "faults")
        control(shop, "DELETE", "habits")


def warehouse_down(shop: Shop, *, orders: int) -> Figures:
    """The warehouse turns everything away until all are placed: then all are shipped, without a
    hand, and no order's page has ever shown an error."""
    control(shop, "POST", "faults", {"operation": "*", "fault": "error_before", "status": 503})
    try:
        urls = _place_steadily(shop, orders)
        pages = _read_pages(shop, random.sample(list(urls.values()), min(100, orders)))
    finally:
        control(shop, "DELETE", "faults")
    up_since = time.monotonic()
    left = shop.wait_until_final(urls, seconds=SETTLE_SECONDS)
    assert not left, left
    return {
        "orders": orders,
        "pages read while it was down": pages,
        "seconds from up to all shipped": round(time.monotonic() - up_since, 1),
        **_judge(shop, list(urls)),
        "audit findings": no_findings(shop),
    }


def cancel_against_ship(shop: Shop, *, times: int, seed: int = 1) -> Figures:
    """Customers cancel while their parcels are packed: each order is either cancelled and its
    money given back, or shipped and paid."""
    dice = random.Random(seed)  # noqa: S311 - a test's dice
    control(shop, "POST", "clock", {"ship_after": 2.0})
    skus, label = shop.plentiful(20), uuid4().hex

    def one(number: int) -> tuple[str, str]:
        time.sleep(pauses[number])
        body = order_body([{"sku": skus[number % 20], "quantity": 1 + number % 2}])
        placed = shop.place(key=f"{label}-{number}", body=body)
        time.sleep(waits[number])
        cancel_by_page(placed["tracking_url"])
        return placed["id"], placed["tracking_url"]

    pauses = [dice.uniform(0, 2) for _ in range(times)]
    waits = [dice.uniform(0, 4) for _ in range(times)]
    try:
        with ThreadPoolExecutor(8) as pool:
            urls = dict(pool.map(one, range(times)))
        _settle(shop, urls)
    finally:
        control(shop, "POST", "clock", {"ship_after": 0.2})
    ends = Counter(
        state
        for (state,) in shop.query(
            "SELECT state FROM orders_order WHERE public_id = ANY(%s)", [list(urls)]
        )
    )
    return {
        "times": times,
        "seed": seed,
        **ends,
        **_judge(shop, list(urls)),
        "audit findings": no_findings(shop),
    }


# --- what people do -----------------------------------------------------------------------------
def cancel_by_page(url: str) -> bool:
    """Cancel as the customer does; tell whether the page still offered it."""
    return _send_form(f"{url}cancel/", holding="reason")


def choose_by_page(url: str) -> bool:
    """Go without what is missing, as the customer may; tell whether anything was to choose."""
    return _send_form(f"{url}missing/", holding="/missing/", choice="cancel")


def _send_form(url: str, *, holding: str, **values: str) -> bool:
    browser = Browser()
    page = browser.get(url)
    try:
        form = page.form(holding=holding)
    except LookupError:
        return False
    answer = browser.submit(form, referer=page.url, **values)
    assert answer.status in {200, 409}, (answer.status, answer.body[:300])
    return True


# --- the way ------------------------------------------------------------------------------------
def control(shop: Shop, method: str, name: str, body: Any = None) -> Any:
    """Call the control API of the sandbox's warehouse. Raises AssertionError."""
    with requests.Session() as session:
        session.trust_env = False
        url = f"{shop.environment['SANDBOX_WAREHOUSE_URL']}/_control/{name}"
        answer = session.request(method, url, json=body, timeout=20)
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def _place_steadily(shop: Shop, orders: int) -> dict[str, str]:
    """Place a few orders each second; return the page of each."""
    label, urls = uuid4().hex, dict[str, str]()
    while len(urls) < orders:
        started = time.monotonic()
        count = min(ORDERS_A_SECOND, orders - len(urls))
        rows = shop.place_many(count, label=f"{label}-{len(urls)}", threads=count)
        urls |= {row["id"]: row["tracking_url"] for row in rows}
        time.sleep(max(0, 1 - (time.monotonic() - started)))
    return urls


def _wait_until_most_end(shop: Shop, ids: Sequence[str]) -> None:
    """Wait until most have ended under faults; what is left has been in trouble."""
    deadline = time.monotonic() + 180 + len(ids) / 2
    while len(shop.query(FINAL, [list(ids)])) > len(ids) // 5:
        assert time.monotonic() < deadline, "under faults nearly nothing goes on"
        time.sleep(0.5)


def _settle(shop: Shop, urls: dict[str, str]) -> int:
    """Wait until every order has ended; customers choose where something is missing. Return how
    often they did."""
    chosen, stop_at = 0, time.monotonic() + SETTLE_SECONDS
    missing = (
        "SELECT DISTINCT o.public_id FROM orders_ordershortage s"
        " JOIN orders_orderline l ON l.id = s.line_id JOIN orders_order o ON o.id = l.order_id"
        " WHERE o.public_id = ANY(%s) AND s.state = 'open'"
    )
    while left := shop.query(FINAL, [list(urls)]):
        assert time.monotonic() < stop_at, f"{len(left)} have no end: {left[:5]}"
        for (public_id,) in shop.query(missing, [list(urls)]):
            chosen += choose_by_page(urls[public_id])
        time.sleep(0.5)
    return chosen


def _read_pages(shop: Shop, urls: Sequence[str]) -> int:
    for url in urls:
        page = Browser().get(url)
        assert page.status == 200, (url, page.status)
        assert "Something went wrong" not in page.body, url
    return len(urls)


def _judge(shop: Shop, ids: Sequence[str]) -> Figures:
    """Ask the books of the warehouse and of Stripe what really happened."""
    rows = shop.query(
        "SELECT o.public_id, o.state, f.reference, a.due_minor, a.captured_minor, a.refunded_minor"
        " FROM orders_order o LEFT JOIN fulfillment_fulfillment f ON f.order_id = o.id"
        " JOIN payments_orderaccount a ON a.order_id = o.id WHERE o.public_id = ANY(%s)",
        [list(ids)],
    )
    theirs, shipped = _warehouse_book(shop)
    # What came later than the rest has a request of its own.
    with_parcel = {row[0] for row in rows if row[2] in shipped}
    for public_id, state, reference, due, captured, refunded in rows:
        kept = captured - refunded
        if state == "cancelled":
            assert kept == 0, f"{reference} was cancelled, and {kept} was kept"
        else:
            assert public_id in with_parcel or kept == 0, f"{reference} never left, {kept} kept"
            assert kept == due, f"{reference}: {kept} of {due}"
    sent = [row for row in rows if row[2] is not None]
    unsent = {row[1] for row in rows if row[2] is None}
    assert unsent <= {"cancelled"}, f"without a request: {unsent}"
    twice = [row[2] for row in sent if theirs.get(row[2], 0) > 1]
    wrongly = [row[2] for row in sent if row[1] == "cancelled" and row[2] in shipped]
    assert not twice, f"there more than once: {twice}"
    assert not wrongly, f"cancelled, and left: {wrongly}"
    return {
        "requests": len(sent),
        "effective orders at the warehouse": sum(theirs.get(row[2], 0) for row in sent),
        "requests that are there twice": len(twice),
        "shipped although cancelled": len(wrongly),
    }


def _warehouse_book(shop: Shop) -> tuple[dict[str, int], set[str]]:
    """Return how many effective orders each reference has there, and which have left."""
    path = Path(shop.environment["AUDIT_BOOKS"]) / "warehouse.sqlite"
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as book:
        effective = dict(book.execute("SELECT reference, effective FROM book_warehouse_effective"))
        left = {row[0] for row in book.execute("SELECT reference FROM book_warehouse_shipments")}
    return effective, left
