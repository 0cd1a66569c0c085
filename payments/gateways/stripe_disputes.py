"""Disputes and early fraud warnings at Stripe, translated into what payments knows."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from payments.gateways.disputes import DisputeAnswer, WarningAnswer
from payments.gateways.stripe_client import Reply, ask, client

Answer = TypeVar("Answer")


class StripeDisputes:
    """Stripe's side of disputes. See DisputeGateway for the contract."""

    def retrieve_dispute(self, *, stripe_id: str) -> DisputeAnswer | None:
        return _read(ask(lambda: client().v1.disputes.retrieve(stripe_id)), read_dispute)

    def retrieve_warning(self, *, stripe_id: str) -> WarningAnswer | None:
        warnings = client().v1.radar.early_fraud_warnings
        return _read(ask(lambda: warnings.retrieve(stripe_id)), read_warning)


def _read(reply: Reply, reader: Callable[[Mapping[str, Any]], Answer]) -> Answer | None:
    """An answer that cannot be read is no answer."""
    if reply.raw is None:
        return None
    try:
        return reader(reply.raw)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OSError):
        return None


def read_dispute(raw: Mapping[str, Any]) -> DisputeAnswer:
    """Return a dispute from Stripe's JSON. Raises KeyError where Stripe left out what it owes."""
    moves = [int(each["amount"]) for each in raw.get("balance_transactions") or []]
    # 0 or nothing where the bank takes no answer.
    due_by = (raw.get("evidence_details") or {}).get("due_by")
    return DisputeAnswer(
        id=raw["id"],
        status=str(raw["status"]),
        intent_id=_id(raw.get("payment_intent")),
        amount_minor=int(raw["amount"]),
        currency=str(raw["currency"]).upper(),
        reason=str(raw.get("reason") or ""),
        opened_at=_time(raw["created"]),
        evidence_due_at=_time(due_by) if due_by else None,
        is_withdrawn=any(amount < 0 for amount in moves),
        is_reinstated=any(amount > 0 for amount in moves),
    )


def read_warning(raw: Mapping[str, Any]) -> WarningAnswer:
    """Return a fraud warning from Stripe's JSON. Raises KeyError as above."""
    return WarningAnswer(
        id=raw["id"],
        intent_id=_id(raw.get("payment_intent")),
        kind=str(raw.get("fraud_type") or ""),
        is_actionable=bool(raw["actionable"]),
        warned_at=_time(raw["created"]),
    )


def _id(thing: Any) -> str:
    """A reference is an id, or the whole object where it was asked for."""
    found = thing.get("id") if isinstance(thing, Mapping) else thing
    return found if isinstance(found, str) else ""


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
