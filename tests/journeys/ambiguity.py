"""Orders while Stripe cannot be believed: calls applied and not answered, webhooks in disorder.

Sizes: small in `make test`, a thousand orders in `make proof-money`.
"""

import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests

from tests.journeys.scenarios import Figures, no_findings
from tests.journeys.shop import Shop

CALLS = ("payment_intents.create", "payment_intents.confirm", "payment_intents.capture")
# Applied all of them, then: no answer in time, a stored 500, a closed connection.
AMBIGUOUS = ("timeout_after_apply", "error_after_apply", "drop_after_apply")
WEBHOOKS = {"duplicate": 0.30, "reorder": 0.20, "never": 0.05}
SETTLE_SECONDS = 120.0
ORDERS_A_SECOND = 4


def ambiguous_stripe(shop: Shop, *, orders: int, share: float = 0.2, seed: int = 1) -> Figures:
    """A fifth of Stripe's calls is applied and not answered, webhooks come twice, late or never:
    one charge per order all the same, and all settled two minutes after the last fault."""
    with misbehaving(shop, share=share, seed=seed) as hits:
        placed = _place_steadily(shop, orders)
        _wait_until_paid(shop, placed)
        counted = hits()
    quiet_since = time.monotonic()
    left = shop.wait_until_final(placed, seconds=SETTLE_SECONDS)
    settled = time.monotonic() - quiet_since
    assert not left, left
    return {
        "orders": orders,
        "seed": seed,
        **counted,
        **_charges(shop, placed),
        "seconds from the last fault to all settled": round(settled, 1),
        "audit findings": no_findings(shop),
    }


@contextmanager
def misbehaving(shop: Shop, *, share: float, seed: int) -> Iterator[Any]:
    """Set the faults, give a function that counts their hits, and remove them in the end."""
    url = f"{shop.environment['SANDBOX_STRIPE_URL']}/_control/faults"
    each = share / len(AMBIGUOUS)
    switches: list[dict[str, Any]] = [
        {"operation": call, "fault": fault, "probability": each, "seed": seed + number}
        for number, (call, fault) in enumerate((c, f) for c in CALLS for f in AMBIGUOUS)
    ]
    switches += [
        {"operation": "webhook", "fault": fault, "probability": chance, "seed": seed}
        for fault, chance in WEBHOOKS.items()
    ]
    for switch in switches:
        _call("POST", url, switch)

    def hits() -> dict[str, int]:
        found: dict[str, int] = {}
        for fault in _call("GET", url)["faults"]:
            name = "webhooks " if fault["operation"] == "webhook" else "calls "
            found[name + fault["fault"]] = found.get(name + fault["fault"], 0) + fault["hits"]
        return found

    try:
        yield hits
    finally:
        _call("DELETE", url)


def _call(method: str, url: str, body: Any = None) -> Any:
    session = requests.Session()
    session.trust_env = False
    answer = session.request(method, url, json=body, timeout=20)
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def _place_steadily(shop: Shop, orders: int) -> list[str]:
    """Place a few orders each second: silent calls keep the workers' threads busy for long."""
    label, ids = uuid4().hex, list[str]()
    while len(ids) < orders:
        started = time.monotonic()
        count = min(ORDERS_A_SECOND, orders - len(ids))
        rows = shop.place_many(count, label=f"{label}-{len(ids)}", threads=count)
        ids += [row["id"] for row in rows]
        time.sleep(max(0, 1 - (time.monotonic() - started)))
    return ids


def _wait_until_paid(shop: Shop, ids: Sequence[str]) -> None:
    """Wait until most have been charged under faults; what is left has been in trouble."""
    deadline = time.monotonic() + 100 + len(ids) / 2
    question = (
        "SELECT count(*) FROM orders_order WHERE public_id = ANY(%s) AND state <> 'completed'"
    )
    while shop.query(question, [list(ids)])[0][0] > len(ids) // 20:
        assert time.monotonic() < deadline, "under faults nearly nothing goes on"
        time.sleep(0.5)


def _charges(shop: Shop, ids: Sequence[str]) -> Figures:
    """Count in Stripe's own book what was charged, and what is still held."""
    path = Path(shop.environment["AUDIT_BOOKS"]) / "stripe.sqlite"
    marks = ",".join("?" * len(ids))
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as book:
        rows = book.execute(
            "SELECT order_id, sum(captured_minor > 0), sum(status = 'requires_capture'),"  # noqa: S608
            f" count(*) FROM book_stripe_intents WHERE order_id IN ({marks}) GROUP BY order_id",
            list(ids),
        ).fetchall()
    assert len(rows) == len(ids), "orders without an intent"
    assert all(captured == 1 for _, captured, _, _ in rows), "not one charge per order"
    assert not any(held for _, _, held, _ in rows), "holds are left"
    return {
        "orders charged once": len(rows),
        "orders charged twice": 0,
        "holds left": 0,
        "intents in all": sum(row[3] for row in rows),
    }
