"""Rows of seeded orders, to be copied: order, lines, and what happened to them."""

import json
from datetime import datetime, timedelta
from random import Random
from typing import Any

from orders.seeds.stories import Story, StoryLine, public_id
from orders.states import CancellationState, HoldKind, OrderState, ShortageState

O = OrderState  # noqa: E741 - as in states
ORDER, LINE, DISCOUNT = "orders_order", "orders_orderline", "orders_orderdiscount"
HOLD, SHORTAGE = "orders_orderhold", "orders_ordershortage"
CANCELLATION, DRAFT = "orders_ordercancellation", "orders_orderdraft"
TIMELINE, ALERT = "core_timelineentry", "core_alert"
# Every column that matters is named: one that is added later takes its default.
COLUMNS = {
    ORDER: (
        *("id", "public_id", "number", "state", "version", "is_live", "currency"),
        *("subtotal_minor", "shipping_minor", "discount_minor", "tax_minor", "total_minor"),
        *("shipping_tax_minor", "shipping_tax_rate_bp", "email", "name", "phone", "wants_sms"),
        *("shipping_address", "shipping_method", "metadata", "api_client_id", "external_ref"),
        *("link_version", "payment_timing", "created_at", "state_changed_at", "payment_due_at"),
        *("confirmed_at", "completed_at"),
    ),
    LINE: (
        *("id", "public_id", "order_id", "position", "product_id", "sku", "name", "quantity"),
        *("unit_price_minor", "discount_minor", "tax_class", "tax_rate_bp", "tax_minor"),
        *("total_minor", "allocated", "shipped", "cancelled"),
    ),
    DISCOUNT: (
        *("id", "order_id", "position", "source", "name", "code", "amount_minor", "on_shipping"),
    ),
    HOLD: (
        *("id", "order_id", "kind", "reason", "placed_by", "placed_at", "released_by"),
        *("released_at", "release_reason"),
    ),
    SHORTAGE: (
        *("id", "line_id", "fulfillment_id", "quantity", "reason", "state", "substitute_sku"),
        *("substitute_name", "substitute_shipped", "opened_at", "state_changed_at", "chosen_by"),
    ),
    CANCELLATION: (
        *("id", "order_id", "state", "reason", "requested_by", "requested_at", "decided_at"),
    ),
    DRAFT: ("id", "order_id", "key", "voucher", "note", "created_by", "created_at", "submitted_by"),
    TIMELINE: (
        *("id", "subject_type", "subject_id", "kind", "before", "after", "actor", "reason"),
        *("data", "correlation_id", "created_at"),
    ),
    ALERT: ("id", "kind", "subject_type", "subject_id", "detail", "opened_at"),
}
# So many ids each order has in each table, whether it needs them or not.
PER_ORDER = {ORDER: 1, LINE: 4, DISCOUNT: 1, HOLD: 1, SHORTAGE: 4, CANCELLATION: 1, DRAFT: 1}
PER_ORDER |= {TIMELINE: 24, ALERT: 1}

Sink = dict[str, list[tuple[Any, ...]]]
Note = tuple[datetime, str, str, str, str, dict[str, Any]]
ENDED = (O.COMPLETED, O.CANCELLED, O.EXPIRED)


def write(
    *, story: Story, sink: Sink, ids: dict[str, int], client_id: int, random: Random
) -> list[Note]:
    """Append the rows of an order to a sink by table; return its story, oldest first."""
    notes = _steps(story)
    sink[ORDER].append(_order(story, notes, client_id))
    for place, line in enumerate(story.lines, start=1):
        row = _line(story, line, place, ids[LINE] + place, random)
        sink[LINE].append(row)
    discount = sum(line.discount_minor for line in story.lines)
    if discount:
        row = (ids[DISCOUNT] + 1, story.order_id, 1, "promotion", "Spring sale", "", discount)
        sink[DISCOUNT].append((*row, False))
    if story.plan.has_hold:
        notes += _hold(story, sink, ids)
    if story.plan.shortage:
        _shortages(story, sink, ids)
    if story.plan.cancellation:
        _cancellation(story, sink, ids)
    if story.plan.order == O.DRAFT:
        key = f"{random.getrandbits(128):032x}"
        row = (ids[DRAFT] + 1, story.order_id, key, "", "on the telephone", "staff:1")
        sink[DRAFT].append((*row, story.placed_at.isoformat(), ""))
    if story.plan.has_alert:
        detail = f"The payment of {story.number} has no answer"
        row = (ids[ALERT] + 1, "payment_stuck", "order", story.order_id, detail)
        sink[ALERT].append((*row, (story.paid_at + timedelta(minutes=5)).isoformat()))
    return notes


def tell(*, story: Story, notes: list[Note], sink: Sink, ids: dict[str, int]) -> None:
    """Append an order's whole story to the timeline, by time."""
    rows, key = sink[TIMELINE], ids[TIMELINE]
    for at, kind, before, after, actor, data in sorted(notes, key=lambda note: note[0]):
        key += 1
        row = (key, "order", story.order_id, kind, before, after, actor, "", _text(data), "")
        rows.append((*row, at.isoformat()))


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data) if data else "{}"


def _order(story: Story, steps: list[Note], client_id: int) -> tuple[Any, ...]:
    plan, placed = story.plan, story.placed_at
    discount = sum(line.discount_minor for line in story.lines)
    tax = sum(line.tax_minor for line in story.lines) + story.shipping_tax_minor
    goods = sum(line.total_minor for line in story.lines)
    confirmed = story.paid_at.isoformat() if plan.is_paid else None
    completed = story.ended_at.isoformat() if plan.order == O.COMPLETED else None
    due = None if plan.order == O.DRAFT else (placed + timedelta(minutes=30)).isoformat()
    row = [story.order_id, story.public_id, story.number, plan.order, len(steps), False]
    row += [story.currency, goods + discount, story.shipping_minor, discount, tax]
    row += [goods + story.shipping_minor, story.shipping_tax_minor, story.shipping_tax_rate_bp]
    row += [story.buyer.email, story.buyer.name, story.buyer.phone, False]
    row += [json.dumps(story.buyer.address), story.method, "{}"]
    row += [client_id if story.is_api else None, _reference(story)]
    row += [1, "at_shipment", placed.isoformat(), steps[-1][0].isoformat(), due]
    return (*row, confirmed, completed)


def _reference(story: Story) -> str | None:
    return f"MP-{story.placed_at:%y%m}-{story.order_id:08d}" if story.is_api else None


def _line(story: Story, line: StoryLine, place: int, key: int, random: Random) -> tuple[Any, ...]:
    goods, plan = line.goods, story.plan
    is_given_up = plan.order == O.CANCELLED or (
        not line.is_shipped and plan.shortage == ShortageState.CANCELLED
    )
    is_kept = not line.is_shipped and plan.rest in {"held", "committed"}
    is_kept = is_kept and plan.order not in {*ENDED, O.DRAFT}
    row = [key, public_id("lin", story.placed_at, random), story.order_id, place]
    row += [goods.product_id, goods.sku, goods.name, line.quantity, goods.prices[story.currency]]
    row += [line.discount_minor, goods.tax_class, line.tax_rate_bp, line.tax_minor]
    row += [line.total_minor, line.quantity if is_kept else 0]
    return (*row, line.quantity if line.is_shipped else 0, line.quantity if is_given_up else 0)


def _steps(story: Story) -> list[Note]:
    """Return the order's own steps."""
    plan = story.plan
    actor = "customer" if not story.is_api else "api:seed"
    if plan.order == O.DRAFT:
        return [(story.placed_at, "order.draft", "", O.DRAFT, "staff:1", {})]
    data = {"total_minor": story.total_minor, "lines": len(story.lines)}
    at = story.placed_at
    notes: list[Note] = [(at, "order.placed", "", O.PENDING_PAYMENT, actor, data)]
    way = [(O.CONFIRMED, story.paid_at), (O.IN_FULFILLMENT, story.asked_at)]
    way += [(O.COMPLETED, story.ended_at)]
    if plan.order == O.PENDING_PAYMENT:
        way = []
    elif plan.order == O.EXPIRED:
        way = [(O.EXPIRED, story.ended_at)]
    elif plan.order == O.CANCELLED:
        way = [(O.CONFIRMED, story.paid_at), (O.CANCELLED, story.ended_at)]
    else:
        way = way[: [state for state, _ in way].index(plan.order) + 1]
    before: str = O.PENDING_PAYMENT
    for state, at in way:
        notes.append((at, f"order.{state}", before, state, "system", {}))
        before = state
    return notes


def _hold(story: Story, sink: Sink, ids: dict[str, int]) -> list[Note]:
    is_open = story.plan.order == O.CONFIRMED
    placed = story.paid_at + timedelta(seconds=5)
    ends = None if is_open else story.asked_at - timedelta(seconds=1)
    row = [ids[HOLD] + 1, story.order_id, HoldKind.MANUAL, "address looks odd", "staff:1"]
    end = ["", None, ""] if ends is None else ["staff:1", ends.isoformat(), "the customer called"]
    sink[HOLD].append((*row, placed.isoformat(), *end))
    notes: list[Note] = [(placed, "hold.placed", "", "", "staff:1", {"kind": "manual"})]
    if ends:
        notes.append((ends, "hold.released", "", "", "staff:1", {"kind": "manual"}))
    return notes


def _shortages(story: Story, sink: Sink, ids: dict[str, int]) -> None:
    state = story.plan.shortage
    since = story.shipped_at[-1].isoformat()
    by = "" if state == ShortageState.OPEN else "customer"
    for place, line in enumerate(story.lines, start=1):
        if line.is_shipped:
            continue
        row = (ids[SHORTAGE] + place, ids[LINE] + place, ids["request"], line.quantity)
        sink[SHORTAGE].append((*row, "not found", state, "", "", 0, since, since, by))


def _cancellation(story: Story, sink: Sink, ids: dict[str, int]) -> None:
    state = story.plan.cancellation
    is_open = state == CancellationState.REQUESTED
    asked = (story.ended_at if not is_open else story.asked_at).isoformat()
    row = (ids[CANCELLATION] + 1, story.order_id, state, "changed my mind", "customer", asked)
    sink[CANCELLATION].append((*row, None if is_open else asked))
