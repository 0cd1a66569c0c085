"""What moved an order's money, booking by booking: what invoices and credit notes are written for.

Money of a late attempt pays for nothing and is given back: it is left out.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from payments.models import LedgerEntry
from payments.queries.refunds import RefundView, list_refunds
from payments.states import LATE

FAILED = "-failed"


class MoveKind(StrEnum):
    """Money was taken, went back, or came back after it had gone."""

    CAPTURE = "capture"
    REFUND = "refund"
    REVERSAL = "reversal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One booking. `key` names it for ever; `reverses` is the key of what a reversal undoes.
    `refund` is what a refund is for, where the booking still says which one it was. Minor units."""

    key: str
    kind: MoveKind
    amount_minor: int
    at: datetime
    reverses: str = ""
    refund: RefundView | None = None


def list_moves(*, order_id: int) -> list[Move]:
    """Return the order's captures, refunds and reversals, as booked, first to last."""
    rows = LedgerEntry.objects.filter(order_id=order_id, account__in=["sales", "refunds"])
    entries = list(rows.exclude(attempt__purpose__startswith=LATE).order_by("pk"))
    if not entries:
        return []
    refunds = {_source(view): view for view in list_refunds(order_id=order_id)}
    keys = {entry.source: _key(entry) for entry in entries if entry.source}
    return [
        Move(
            key=_key(entry),
            kind=_kind(entry),
            amount_minor=abs(entry.amount_minor),
            at=entry.booked_at,
            reverses=keys.get(entry.source.removesuffix(FAILED), "") if _is_back(entry) else "",
            refund=refunds.get(entry.source),
        )
        for entry in entries
    ]


def count_moves(order_ids: Sequence[int]) -> dict[int, int]:
    """Return how many such bookings each order has; an order without any is left out."""
    rows = LedgerEntry.objects.filter(order_id__in=order_ids, account__in=["sales", "refunds"])
    paying = rows.exclude(attempt__purpose__startswith=LATE)
    return Counter(key for key in paying.values_list("order_id", flat=True) if key is not None)


def _is_back(entry: LedgerEntry) -> bool:
    return entry.account == "refunds" and entry.amount_minor < 0


def _kind(entry: LedgerEntry) -> MoveKind:
    if entry.account == "sales":
        return MoveKind.CAPTURE
    return MoveKind.REVERSAL if _is_back(entry) else MoveKind.REFUND


def _key(entry: LedgerEntry) -> str:
    return f"{_kind(entry)}:{entry.txn}"


def _source(view: RefundView) -> str:
    """What the booking of a refund is known by: Stripe's id, or its own where it was paid back
    another way."""
    return view.stripe_refund_id or f"refund-{view.uuid}-manual"
