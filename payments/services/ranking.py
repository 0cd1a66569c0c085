"""Which of Stripe's events we use, and how much each can tell beside what we know. Pure.

An event is a hint: what it is about is looked up at Stripe. Each type has a rank, and so has each
state of the thing; an event whose rank is no higher than the state's adds nothing, so that any
number of events in any order cost few calls and end alike.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from payments.states import OPEN, AttemptState, DisputeState, RefundState


class Thing(StrEnum):
    """What is looked up for an event."""

    INTENT = "intent"
    CHARGE = "charge"  # the refunds of its intent
    REFUND = "refund"
    DISPUTE = "dispute"
    FRAUD_WARNING = "fraud_warning"


@dataclass(frozen=True, slots=True)
class Handling:
    """What is looked up for an event type, and the most that it can tell."""

    thing: Thing
    rank: int


# The one list of the types that we use: the endpoint at Stripe is made and checked by it. Every
# other type is stored and done at once.
HANDLED: Mapping[str, Handling] = {
    "payment_intent.processing": Handling(Thing.INTENT, 1),
    "payment_intent.requires_action": Handling(Thing.INTENT, 1),
    "payment_intent.payment_failed": Handling(Thing.INTENT, 1),
    "payment_intent.amount_capturable_updated": Handling(Thing.INTENT, 2),
    "payment_intent.succeeded": Handling(Thing.INTENT, 3),
    "payment_intent.canceled": Handling(Thing.INTENT, 3),
    # Tells of refunds that somebody made in the dashboard where no refund.created came.
    "charge.refunded": Handling(Thing.CHARGE, 1),
    "refund.created": Handling(Thing.REFUND, 1),
    "refund.updated": Handling(Thing.REFUND, 2),
    "refund.failed": Handling(Thing.REFUND, 3),
    "charge.dispute.created": Handling(Thing.DISPUTE, 1),
    "charge.dispute.updated": Handling(Thing.DISPUTE, 2),
    "charge.dispute.closed": Handling(Thing.DISPUTE, 2),
    # Money moves with these, before or after the state: always worth a look.
    "charge.dispute.funds_withdrawn": Handling(Thing.DISPUTE, 3),
    "charge.dispute.funds_reinstated": Handling(Thing.DISPUTE, 3),
    "radar.early_fraud_warning.created": Handling(Thing.FRAUD_WARNING, 1),
    "radar.early_fraud_warning.updated": Handling(Thing.FRAUD_WARNING, 2),
}
EVENT_TYPES = tuple(HANDLED)

# What has no states of its own is known once there is a row of it.
KNOWN = "known"
_A, _R, _D = AttemptState, RefundState, DisputeState
STATE_RANK: Mapping[Thing, Mapping[str, int]] = {
    Thing.INTENT: {
        **dict.fromkeys(OPEN, 0),
        **dict.fromkeys((_A.AUTHORIZED, _A.PARTIALLY_CAPTURED), 2),
        **dict.fromkeys((_A.CAPTURED, _A.FAILED, _A.CANCELLED, _A.EXPIRED), 3),
    },
    # A charge can be refunded again and again.
    Thing.CHARGE: {},
    Thing.REFUND: {
        **dict.fromkeys((_R.REQUESTED, _R.APPROVED, _R.REJECTED, _R.EXTERNAL), 0),
        **dict.fromkeys((_R.PROCESSING, _R.UNKNOWN), 0),
        **dict.fromkeys((_R.PENDING, _R.REQUIRES_ACTION), 1),
        _R.SUCCEEDED: 2,
        **dict.fromkeys((_R.FAILED, _R.CANCELLED, _R.MANUAL), 3),
    },
    Thing.DISPUTE: {
        **dict.fromkeys((_D.WARNING, _D.NEEDS_RESPONSE, _D.UNDER_REVIEW), 1),
        **dict.fromkeys((_D.WON, _D.LOST), 2),
    },
    Thing.FRAUD_WARNING: {KNOWN: 1},
}
# Money where we have seen the end, and the other way round: whoever says so is looked into.
_ENDED = frozenset({_A.FAILED, _A.CANCELLED, _A.EXPIRED})
CONTRADICTS: Mapping[str, frozenset[str]] = {
    "payment_intent.amount_capturable_updated": _ENDED,
    "payment_intent.succeeded": _ENDED,
    "payment_intent.canceled": frozenset({_A.CAPTURED}),
}


def adds_something(*, type_: str, state: str | None) -> bool:
    """Tell whether an event of this type can tell more than our state of its thing (None: we do
    not know the thing)."""
    handling = HANDLED.get(type_)
    if handling is None:
        return False
    if state is None or state in CONTRADICTS.get(type_, ()):
        return True
    return handling.rank > STATE_RANK[handling.thing].get(state, 0)


def covered(types: Iterable[str], *, applied: str, state: str | None) -> set[str]:
    """Return those of the waiting event types that need no look-up of their own any more, after
    one for an event of the type `applied` has shown `state`."""
    handling = HANDLED[applied]
    shown = STATE_RANK[handling.thing].get(state or "", 0)
    most = max(handling.rank, shown)
    return {type_ for type_ in types if type_ in HANDLED and HANDLED[type_].rank <= most}
