"""What must hold: the house's own invariants, and that no order is left without a next step."""

from collections.abc import Collection
from functools import cache
from typing import Any

from django.db import connection

from globalmart.core.audit import Invariant, list_invariants

# About the sessions of other processes, of which there are none here.
OF_SESSIONS = "i19_no_session_waits"
# Looked at after each step; all of them at a quiet moment.
EACH_STEP = (
    "i01_refunds_within_bounds",
    "i02_one_live_attempt",
    "i03_stock_matches_reservations",
    "i03_stock_within_bounds",
    "i04_accounts_match_attempts",
)

# Why an order may stand where it stands. What counts is something that will happen, or a person
# who is asked, not that some day an alert would be opened.
NEXT_STEPS = {
    "an event is to be carried": """
        SELECT 1 FROM core_outboxevent e
         WHERE e.published_at IS NULL AND e.subject_type = 'order' AND e.subject_id = o.id""",
    "an event is to be heard": """
        SELECT 1 FROM core_delivery d JOIN core_outboxevent e ON e.id = d.event_id
         WHERE d.state = 'pending' AND e.subject_type = 'order' AND e.subject_id = o.id""",
    "Stripe is to be called": """
        SELECT 1 FROM payments_paymentoperation p
          JOIN payments_paymentattempt a ON a.id = p.attempt_id
         WHERE p.due_at IS NOT NULL AND a.order_id = o.id""",
    "a payment is looked at": """
        SELECT 1 FROM payments_paymentattempt a
         WHERE a.next_check_at IS NOT NULL AND a.order_id = o.id""",
    "a refund is looked at": """
        SELECT 1 FROM payments_refund r
         WHERE r.next_check_at IS NOT NULL AND r.order_id = o.id""",
    "a refund waits for a person": """
        SELECT 1 FROM payments_refund r
         WHERE r.state IN ('requested', 'failed', 'manual') AND r.order_id = o.id""",
    "a webhook is to be applied": """
        SELECT 1 FROM payments_stripeevent s
          JOIN payments_paymentattempt a ON a.stripe_intent_id = s.intent_id
         WHERE s.due_at IS NOT NULL AND a.order_id = o.id""",
    "its time to be paid ends": """
        SELECT 1 WHERE o.state = 'pending_payment' AND o.payment_due_at IS NOT NULL""",
    "the warehouse is to be called": """
        SELECT 1 FROM fulfillment_fulfillment f
         WHERE f.due_at IS NOT NULL AND f.order_id = o.id""",
    "the warehouse has it, and is polled": """
        SELECT 1 FROM fulfillment_fulfillment f
          JOIN fulfillment_warehouse w ON w.id = f.warehouse_id
         WHERE f.state IN ('submitted', 'accepted', 'in_progress', 'partially_shipped')
           AND w.due_at IS NOT NULL AND f.order_id = o.id""",
    "staff note it down": """
        SELECT 1 WHERE o.state = 'draft'""",
    "it waits for its goods to come near": """
        SELECT 1 WHERE o.state = 'pending_payment' AND o.payment_timing = 'by_invitation'
                   AND o.payment_due_at IS NULL""",
    "a hold has an owner": """
        SELECT 1 FROM orders_orderhold h
         WHERE h.released_at IS NULL AND h.owner <> '' AND h.order_id = o.id""",
    "the customer is asked about goods, or waits for them": """
        SELECT 1 FROM orders_ordershortage s JOIN orders_orderline l ON l.id = s.line_id
         WHERE s.state IN ('open', 'waiting') AND l.order_id = o.id""",
    "an alert is open": """
        SELECT 1 FROM core_alert a
         WHERE a.closed_at IS NULL AND (
               a.subject_type = 'order' AND a.subject_id = o.id
            OR a.subject_type = 'operation' AND a.subject_id IN (
               SELECT p.id FROM payments_paymentoperation p
                 JOIN payments_paymentattempt t ON t.id = p.attempt_id WHERE t.order_id = o.id)
            OR a.subject_type = 'refund' AND a.subject_id IN (
               SELECT r.id FROM payments_refund r WHERE r.order_id = o.id)
            OR a.subject_type = 'payment_case' AND a.subject_id IN (
               SELECT c.id FROM payments_paymentcase c WHERE c.order_id = o.id))""",
}
# Whom the rest waits for when everything else has been done.
PERSONS = ("a hold has an owner", "an alert is open")
FORGOTTEN = """
SELECT o.id FROM orders_order o
 WHERE o.state NOT IN ('completed', 'cancelled', 'expired') {conditions}
"""


# What is over when everybody has answered; or a person was told of it.
OPEN_WISHES = """
SELECT thing.name, thing.order_id FROM (
    SELECT 'cancellation' AS name, order_id FROM orders_ordercancellation WHERE state = 'requested'
     UNION ALL
    SELECT 'correction', order_id FROM orders_ordercorrection WHERE state = 'requested'
     UNION ALL
    SELECT 'shortage', l.order_id FROM orders_ordershortage s JOIN orders_orderline l
        ON l.id = s.line_id WHERE s.state IN ('open', 'waiting')
     UNION ALL
    SELECT 'return ' || r.state, r.order_id FROM orders_return r
     WHERE r.state NOT IN ('declined', 'closed', 'cancelled', 'expired')
     UNION ALL
    SELECT 'withdrawal', w.order_id FROM orders_withdrawal w JOIN orders_order o
        ON o.id = w.order_id WHERE w.settled_at IS NULL AND o.state <> 'expired'
     UNION ALL
    SELECT 'refund ' || state, order_id FROM payments_refund
     WHERE state NOT IN ('succeeded', 'rejected', 'cancelled')
) AS thing
"""
UNTOLD = """
 WHERE NOT EXISTS (
    SELECT 1 FROM core_alert a
     WHERE a.closed_at IS NULL AND a.subject_type = 'order' AND a.subject_id = thing.order_id)
"""


def find_broken() -> list[str]:
    """Return what all of the invariants find, in words."""
    return [
        f"{invariant.id} {invariant.name}: {row}"
        for invariant in _invariants()
        for row in _ask(_name(invariant))
    ]


def find_broken_now() -> list[str]:
    """Return what must never be found, however much is still to be done, in words."""
    return [f"{name}: {row}" for name, row in _ask("now")]


def find_unattended() -> list[int]:
    """Return the orders that are not at rest, and that no named person has to see to."""
    return [row[0] for row in _ask("unattended")]


def has_open_wishes() -> bool:
    """Tell whether anything that somebody has asked for is undecided."""
    return bool(_ask("wishes"))


def find_unfinished() -> list[str]:
    """Return what was asked for, was never decided, and of which nobody was told."""
    return [f"{name} of order {order_id}" for name, order_id in _ask("unfinished")]


@cache
def _invariants() -> list[Invariant]:
    found = [each for each in list_invariants() if not each.needs_books]
    return [each for each in found if each.path.stem != OF_SESSIONS]


def _name(invariant: Invariant) -> str:
    app = invariant.path.parent.parent.name
    return f"{app}_{invariant.path.stem}"


@cache
def _questions() -> dict[str, str]:
    return {
        **{_name(each): each.query for each in _invariants()},
        "now": _now(),
        "wishes": OPEN_WISHES,
        "unfinished": OPEN_WISHES + UNTOLD,
        "unattended": _without(PERSONS),
    }


def _now() -> str:
    queries = {each.name: each.query for each in _invariants() if each.path.stem in EACH_STEP}
    queries["no order without a next step, an owner or an alert"] = _without(NEXT_STEPS)
    return " UNION ALL ".join(
        f"SELECT '{_quoted(name)}', found::text FROM ({query}) AS found"  # noqa: S608 - our own
        for name, query in queries.items()
    )


def _without(reasons: Collection[str]) -> str:
    conditions = "".join(f" AND NOT EXISTS ({NEXT_STEPS[name]})" for name in reasons)
    return FORGOTTEN.format(conditions=conditions)


def _ask(name: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(_questions()[name])
        return list(cursor.fetchall())


def _quoted(text: str) -> str:
    return text.replace("'", "''")
