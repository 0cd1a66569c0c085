"""What must hold when things break, in any size: small in `make test`, full in `make proof-*`.

Each scenario returns figures; a broken promise raises AssertionError.
"""

import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from tests.journeys.shop import Shop, kill, order_body

Figures = dict[str, Any]


def submit_at_once(shop: Shop, *, senders: int) -> Figures:
    """The same POST from many senders at once: one order, one intent, one 201."""
    key, sku = f"same-{uuid4().hex}", shop.plentiful(1)[0]
    body = order_body([{"sku": sku, "quantity": 2}, {"sku": sku, "quantity": 1}])
    with ThreadPoolExecutor(senders) as pool:
        answers = list(pool.map(lambda _: shop.post_order(key=key, body=body), range(senders)))
    fresh = [a for a in answers if a.status_code == 201 and not is_replay(a)]
    busy = [a for a in answers if a.status_code == 409]
    assert len(fresh) == 1, Counter(a.status_code for a in answers)
    assert all("Retry-After" in a.headers for a in busy)
    assert {a.status_code for a in answers} <= {201, 409}
    accepted = {a.text for a in answers if a.status_code == 201}
    accepted.add(shop.post_order(key=key, body=body).text)
    assert len(accepted) == 1, "replays differ"
    placed = fresh[0].json()
    assert not shop.wait_until_final([placed["id"]], seconds=60)
    (intents,) = shop.query(
        "SELECT count(*), count(DISTINCT stripe_intent_id) FROM payments_paymentattempt a"
        " JOIN orders_order o ON o.id = a.order_id WHERE o.public_id = %s",
        [placed["id"]],
    )
    assert intents == (1, 1), intents
    changed = order_body([{"sku": sku, "quantity": 1}])
    assert shop.post_order(key=key, body=changed).status_code == 422
    assert shop.post_order(key=None, body=body).status_code == 400
    return {
        "senders": senders,
        "201": 1,
        "replayed": len(answers) - 1 - len(busy),
        "409": len(busy),
    }


def is_replay(answer: Any) -> bool:
    return answer.headers.get("Idempotent-Replayed") == "true"


def lose_redis_and_workers(shop: Shop, *, orders: int) -> Figures:
    """FLUSHALL and kill -9 of every worker in the middle: every order completes all the same."""
    label = uuid4().hex
    with ThreadPoolExecutor(1) as beside:
        placing = beside.submit(shop.place_many, orders, label=label)
        wait_for_orders(shop, label, orders // 2)
        workers = shop.processes("worker")
        assert len(workers) == 5, workers
        shop.flush_redis()
        kill(workers, signal.SIGKILL)
        placed = placing.result()
    started = time.monotonic()
    left = shop.wait_until_final([row["id"] for row in placed], seconds=240)
    assert not left, left
    return {
        "orders": orders,
        "workers killed": len(workers),
        "seconds to the last one completed": round(time.monotonic() - started, 1),
        "audit findings": no_findings(shop),
    }


def wait_for_orders(shop: Shop, label: str, count: int) -> None:
    """Wait until so many orders of a batch have been placed."""
    deadline = time.monotonic() + 120
    question = "SELECT count(*) FROM core_idempotencykey WHERE key LIKE %s"
    while shop.query(question, [f"{label}-%"])[0][0] < count:
        assert time.monotonic() < deadline, "placing does not go on"
        time.sleep(0.05)


def no_findings(shop: Shop) -> int:
    findings = shop.audit()
    assert not findings, findings
    return 0


def stop_redis(shop: Shop, *, seconds: float, orders: int) -> Figures:
    """Redis does not answer for a while: placing goes on, and all completes afterwards."""
    process = shop.redis_process()
    shop.plentiful(20)
    kill([process], signal.SIGSTOP)
    try:
        started = time.monotonic()
        placed, slowest = [], 0.0
        while time.monotonic() - started < seconds or len(placed) < orders:
            before = time.monotonic()
            placed += shop.place_many(4, label=uuid4().hex, threads=4)
            slowest = max(slowest, time.monotonic() - before)
            # A steady load, so that what waits for Redis can be worked off afterwards.
            time.sleep(max(0, 1 - (time.monotonic() - before)))
    finally:
        kill([process], signal.SIGCONT)
    left = shop.wait_until_final([row["id"] for row in placed], seconds=240)
    assert not left, left
    return {
        "seconds without Redis": seconds,
        "orders placed meanwhile": len(placed),
        "slowest four at once, s": round(slowest, 2),
        "audit findings": no_findings(shop),
    }


def stop_relay(shop: Shop, *, orders: int) -> Figures:
    """The relay stands still: placing goes on; it goes on, and everything drains."""
    relays = shop.processes("relay")
    assert relays, "no relay is alive"
    kill(relays, signal.SIGSTOP)
    try:
        placed = shop.place_many(orders, label=uuid4().hex)
        (waiting,) = shop.query("SELECT count(*) FROM core_outboxevent WHERE published_at IS NULL")
    finally:
        kill(relays, signal.SIGCONT)
    assert waiting[0] >= orders
    left = shop.wait_until_final([row["id"] for row in placed], seconds=240)
    assert not left, left
    return {"orders placed without relay": orders, "audit findings": no_findings(shop)}


def rush_for_scarce(shop: Shop, *, buyers: int) -> Figures:
    """More buyers than units, all at once: as many orders as units, the rest told so."""
    sku, units = shop.scarce()
    label = uuid4().hex

    def buy(number: int) -> int:
        body = order_body([{"sku": sku, "quantity": 1}])
        for _ in range(60):
            answer = shop.post_order(key=f"{label}-{number}", body=body)
            if answer.status_code == 409 and "Retry-After" in answer.headers:
                time.sleep(0.2)
                continue
            return answer.status_code if answer.status_code == 201 else problem(answer)
        return 0

    with ThreadPoolExecutor(16) as pool:
        answers = Counter(pool.map(buy, range(buyers)))
    assert answers[201] == min(units, buyers), answers
    assert answers[409] == max(0, buyers - units), answers
    return {"buyers": buyers, "units": units, "sold": answers[201], "sold out": answers[409]}


def problem(answer: Any) -> int:
    assert answer.status_code == 409, answer.text
    assert answer.json()["code"] == "out_of_stock", answer.text
    return 409
