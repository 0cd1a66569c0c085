"""Which orders an id of Stripe's belongs to. Every look-up is one step into an index."""

from collections.abc import Callable
from itertools import chain

from payments.models import (
    BalanceTransaction,
    Dispute,
    FraudWarning,
    PaymentAttempt,
    Refund,
    StripeEvent,
)


def find_order_ids(*, stripe_id: str) -> list[int]:
    """Return the orders of an intent, charge, refund, dispute, event, ... of Stripe's, by its id.

    An id of a kind that we do not keep finds nothing.
    """
    find = _FINDERS.get(_kind_of(stripe_id))
    return list(find(stripe_id)) if find else []


def is_known_kind(stripe_id: str) -> bool:
    """Tell whether an id begins like one of Stripe's that we keep."""
    return _kind_of(stripe_id) in _FINDERS


def _kind_of(stripe_id: str) -> str:
    return stripe_id.partition("_")[0]


def _by_intent(intent_id: str) -> list[int]:
    found = PaymentAttempt.objects.filter(stripe_intent_id=intent_id)
    return list(found.values_list("order_id", flat=True))


def _by_charge(charge_id: str) -> list[int]:
    found = PaymentAttempt.objects.filter(stripe_charge_id=charge_id)
    # Empty is no charge: the index has none of those, and says so to the planner.
    return list(found.exclude(stripe_charge_id="").values_list("order_id", flat=True))


def _by_refund(refund_id: str) -> list[int]:
    found = Refund.objects.filter(stripe_refund_id=refund_id)
    return list(found.values_list("order_id", flat=True))


def _by_dispute(dispute_id: str) -> list[int]:
    found = Dispute.objects.filter(stripe_id=dispute_id)
    return list(found.values_list("order_id", flat=True))


def _by_warning(warning_id: str) -> list[int]:
    found = FraudWarning.objects.filter(stripe_id=warning_id)
    return list(found.values_list("order_id", flat=True))


def _by_line_of_balance(line_id: str) -> list[int]:
    found = BalanceTransaction.objects.filter(stripe_id=line_id).exclude(source="")
    return list(chain.from_iterable(map(_by_intent, found.values_list("source", flat=True))))


def _by_event(event_id: str) -> list[int]:
    found = StripeEvent.objects.filter(event_id=event_id).exclude(intent_id="")
    return list(chain.from_iterable(map(_by_intent, found.values_list("intent_id", flat=True))))


_FINDERS: dict[str, Callable[[str], list[int]]] = {
    "pi": _by_intent,
    # Of another method than a card a charge is a py.
    "ch": _by_charge,
    "py": _by_charge,
    "re": _by_refund,
    "pyr": _by_refund,
    "dp": _by_dispute,
    "du": _by_dispute,
    "issfr": _by_warning,
    "txn": _by_line_of_balance,
    "evt": _by_event,
}
