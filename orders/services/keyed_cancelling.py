"""Cancelling under an idempotency key: the wish and its answer are stored in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from globalmart.core import idempotency
from orders.models import Order, OrderCancellation
from orders.services import cancelling
from orders.states import CancellationState

DONE, UNDER_WAY = 200, 202


class UnknownLine(Exception):
    """The order has no line with this SKU."""

    def __init__(self, sku: str) -> None:
        super().__init__(sku)
        self.sku = sku


@dataclass(frozen=True, slots=True)
class Answer:
    """HTTP status and JSON body, and whether an earlier request had them stored."""

    status: int
    body: dict[str, Any]
    is_replay: bool


@transaction.atomic(durable=True)
def cancel(
    *,
    key_scope: str,
    key: str,
    request_hash: str,
    order_id: int,
    units: Mapping[str, int] | None,
    reason: str,
    actor: str,
    now: datetime,
) -> Answer:
    """Ask for an order to be cancelled, or units of its lines by SKU, once per key.

    202 while bank or warehouse are asked, 200 once it is decided, either way. Raises UnknownLine,
    CannotCancel, idempotency.KeyReused, idempotency.KeyBusy; nothing is stored then.
    """
    stored = idempotency.claim(scope=key_scope, key=key, request_hash=request_hash)
    if stored is not None:
        return Answer(stored.status, stored.body, is_replay=True)
    if units is None:
        row = cancelling.request_cancellation(
            order_id=order_id, reason=reason, actor=actor, now=now
        )
    else:
        row = cancelling.request_units(
            order_id=order_id,
            units=_by_position(order_id, units),
            reason=reason,
            actor=actor,
            now=now,
        )
    body = _body(row)
    status = UNDER_WAY if row.state == CancellationState.REQUESTED else DONE
    idempotency.keep(scope=key_scope, key=key, status=status, body=body, subject_id=order_id)
    return Answer(status, body, is_replay=False)


def _by_position(order_id: int, units: Mapping[str, int]) -> dict[int, int]:
    lines = Order.objects.get(pk=order_id).lines
    places: dict[str, int] = dict(lines.values_list("sku", "position"))
    for sku in units:
        if sku not in places:
            raise UnknownLine(sku)
    return {places[sku]: count for sku, count in units.items()}


def _body(row: OrderCancellation) -> dict[str, Any]:
    parts = row.lines.select_related("line").order_by("line__position")
    return {
        "order_id": row.order.public_id,
        "status": str(row.state),
        "is_whole": row.is_whole,
        "lines": [
            {"sku": part.line.sku, "quantity": part.quantity, "cancelled": part.given_up}
            for part in parts
        ],
        "requested_at": row.requested_at.isoformat(),
        "decided_at": row.decided_at.isoformat() if row.decided_at else None,
    }
