"""Play cells side by side, wait until each order has come to rest, and ask what was broken."""

import random
import sqlite3
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from tests.crashpoints import stories
from tests.crashpoints.buyers import Buyer
from tests.crashpoints.cells import Cell
from tests.crashpoints.stage import NotReached, Stage

# How many cells are played side by side: they share the machine, and crash each other's work.
SIDE_BY_SIDE = 20
# The audit leaves out of its comparison with the vendors' books what changed within a minute.
BOOKS_SECONDS = 61.0
# Work that other cells' crashes interrupt too waits for more than one lease.
SETTLE_SECONDS = 240.0
# The warehouse waits, so that what happens between payment and parcel has the time to happen.
SHIP_AFTER_SECONDS = 5.0
# An order that another cell's crash has led past its own point is played again, so often.
ROUNDS = 3
ENDED = ("completed", "cancelled", "expired")
# What a payment or a refund must not be left in when its order is at rest.
RESTLESS = """
    SELECT o.public_id, o.state,
        (SELECT count(*) FROM payments_paymentoperation p
            JOIN payments_paymentattempt a ON a.id = p.attempt_id
            WHERE a.order_id = o.id AND p.finished_at IS NULL)
        + (SELECT count(*) FROM payments_refund r WHERE r.order_id = o.id
            AND r.state NOT IN ('succeeded', 'failed', 'rejected', 'cancelled', 'manual'))
        + (SELECT count(*) FROM payments_paymentattempt a WHERE a.order_id = o.id
            AND (a.state IN ('created', 'requires_action', 'processing', 'unknown')
                OR (o.state IN ('cancelled', 'expired')
                    AND a.state IN ('authorized', 'partially_captured'))))
        + (SELECT count(*) FROM payments_stripeevent e WHERE e.done_at IS NULL
            AND e.intent_id IN (SELECT stripe_intent_id FROM payments_paymentattempt a
                WHERE a.order_id = o.id)),
        (SELECT string_agg(DISTINCT kind, ', ') FROM core_alert
            WHERE subject_type = 'order' AND subject_id = o.id AND closed_at IS NULL)
    FROM orders_order o WHERE o.public_id = ANY(%s)
"""
ACCOUNT = """
    SELECT c.authorized_minor, c.captured_minor, c.refunded_minor FROM payments_orderaccount c
    JOIN orders_order o ON o.id = c.order_id WHERE o.public_id = %s
"""


@dataclass(slots=True)
class Result:
    """What became of one cell; `seconds` from its beginning until its order was at rest."""

    cell: Cell
    buyer: Buyer
    is_hit: bool = False
    missed: str = ""
    outcome: str = ""
    seconds: float = 0.0
    breaches: list[str] = field(default_factory=list)


def play_all(
    stage: Stage,
    cells: Sequence[Cell],
    *,
    seed: int,
    side_by_side: int = SIDE_BY_SIDE,
    ship_after: float = SHIP_AFTER_SECONDS,
) -> Iterator[Result]:
    """Play the cells, mixed by the seed, and give each result when its order is at rest.

    A cell that was not hit is played again, and then gives another result.
    """
    mixed = list(cells)
    random.Random(seed).shuffle(mixed)  # noqa: S311 - a test's order, no secret
    stage.slow_warehouse(seconds=ship_after)
    try:
        with ThreadPoolExecutor(side_by_side) as pool:
            for _ in range(ROUNDS):
                # Buyers are made one after the other, so that the seed decides who buys what.
                playing = [pool.submit(play, stage, cell, stage.buyer(cell)) for cell in mixed]
                missed = []
                for done in as_completed(playing):
                    yield done.result()
                    missed += [] if done.result().is_hit else [done.result().cell]
                mixed = missed
    finally:
        stage.disarm()
        stage.slow_warehouse(seconds=0.2)


def play(stage: Stage, cell: Cell, buyer: Buyer) -> Result:
    """Play one cell, wait until its order is at rest, and look at what it left."""
    result, started = Result(cell, buyer), time.monotonic()
    try:
        stories.play(stage, cell, buyer)
        result.is_hit = True
    except (NotReached, AssertionError) as error:
        result.missed = str(error)
    if buyer.public_id:
        result.outcome = _await_rest(stage, buyer)
        if result.outcome.startswith("restless"):
            result.breaches.append(f"not settled, not explained: {result.outcome}")
        if buyer.accepted and not stage.is_replayed(buyer):
            result.breaches.append("I11: the same key gave another answer")
        result.breaches += _compare_with_stripe(stage, buyer)
    result.seconds = time.monotonic() - started
    return result


def _await_rest(stage: Stage, buyer: Buyer) -> str:
    """Wait until the order has ended, or an open alert says why not; return which."""
    stop_at = time.monotonic() + SETTLE_SECONDS
    while True:
        ((_, state, under_way, alerts),) = stage.shop.query(RESTLESS, [[buyer.public_id]])
        if not under_way and state in ENDED:
            return f"{state}, {alerts}" if alerts else str(state)
        if not under_way and alerts:
            return f"{state}: {alerts}"
        if time.monotonic() > stop_at:
            return f"restless: {state}, {under_way} under way"
        time.sleep(0.5)


def _compare_with_stripe(stage: Stage, buyer: Buyer) -> list[str]:
    """Return what the sandbox's own book says against ours: I9, at once and for this order."""
    path = Path(stage.shop.environment["AUDIT_BOOKS"]) / "stripe.sqlite"
    book = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=10)
    try:
        intents = book.execute(
            "SELECT status, captured_minor, refunded_minor FROM book_stripe_intents"
            " WHERE order_id = ?",
            [buyer.public_id],
        ).fetchall()
    finally:
        book.close()
    ((authorized, captured, refunded),) = stage.shop.query(ACCOUNT, [buyer.public_id])
    held = authorized > captured
    theirs = (
        sum(row[0] == "requires_capture" for row in intents),
        sum(row[1] for row in intents),
        sum(row[2] for row in intents),
    )
    breaches = []
    if theirs != (int(held), captured, refunded):
        breaches.append(f"I9: Stripe has {intents}, we have {(authorized, captured, refunded)}")
    if sum(row[1] > row[2] for row in intents) > 1:
        breaches.append(f"I9: more than one charge: {intents}")
    return breaches


def audit(stage: Stage, results: Sequence[Result]) -> None:
    """Run the audit; what it finds goes to the cells whose orders it names, or else to the last."""
    named = {result.buyer.public_id: result for result in results}
    rows = stage.shop.query(
        "SELECT o.public_id, o.id::text, o.number, a.stripe_intent_id FROM orders_order o"
        " JOIN payments_paymentattempt a ON a.order_id = o.id WHERE o.public_id = ANY(%s)",
        [list(named)],
    )
    by_word = {str(word): named[row[0]] for row in rows for word in row if word}
    for finding in stage.shop.audit():
        text = f"{finding['id']} {finding['name']}: {finding['rows'][:2]}"
        words = {str(value) for row in finding["rows"] for value in row}
        blamed = {by_word[word].cell: by_word[word] for word in words & set(by_word)}
        for result in list(blamed.values()) or results[-1:]:
            result.breaches.append(text)


def wait_for_books() -> None:
    """Wait until an audit compares with the vendors' books all that was done."""
    time.sleep(BOOKS_SECONDS)
