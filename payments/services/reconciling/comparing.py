"""What differs between an intent at Stripe and an attempt of ours. Pure: asks nobody."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import models

from payments.gateways.classification import classify_status
from payments.gateways.intents import Intent, Outcome
from payments.gateways.lists import ListedIntent
from payments.models import PaymentAttempt
from payments.states import OPEN, AttemptState, CaseKind

_UNDECIDED = frozenset({*OPEN})
_ENDED = frozenset({AttemptState.FAILED, AttemptState.CANCELLED, AttemptState.EXPIRED})
# The attempt's states that agree with what the intent's status means.
AGREES = {
    Outcome.OPEN: _UNDECIDED,
    Outcome.DECLINED: _UNDECIDED,
    Outcome.REQUIRES_ACTION: _UNDECIDED,
    Outcome.PROCESSING: _UNDECIDED,
    Outcome.AUTHORIZED: frozenset({AttemptState.AUTHORIZED}),
    Outcome.CANCELLED: _ENDED,
}
UNPAID = frozenset({Outcome.OPEN, Outcome.DECLINED, Outcome.REQUIRES_ACTION, Outcome.PROCESSING})


class Cure(models.TextChoices):
    """What may be done without a person; none of it by guess."""

    NONE = "", "nothing"
    LOOK_UP = "look_up", "looked up at Stripe and applied"
    # The attempt that the intent names has not learnt of it: the intent is applied to it.
    ADOPT = "adopt", "the attempt has learnt of its intent"
    # No attempt holds this intent, and none will.
    CANCEL = "cancel", "cancelled at Stripe and seen to be over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference; amounts in minor units, None where a side has nothing to say.

    `is_moving` marks those that a call under way may explain.
    """

    kind: CaseKind
    subject: str
    detail: str
    cure: Cure = Cure.NONE
    order_id: int | None = None
    attempt_id: int | None = None
    our_minor: int | None = None
    their_minor: int | None = None
    currency: str = ""
    is_moving: bool = False


@dataclass(frozen=True, slots=True)
class Ours:
    """The attempt that holds an intent, or that its metadata names.

    `paid_elsewhere` are the order's other attempts that hold or took money.
    """

    attempt: PaymentAttempt
    is_holder: bool
    paid_elsewhere: Sequence[int] = field(default_factory=tuple)


def outcome_of(intent: Intent) -> Outcome:
    """Return what the intent's status means."""
    return classify_status(
        status=intent.status, received_minor=intent.received_minor, error_code=intent.error_code
    )


def compare(theirs: ListedIntent, ours: Ours | None) -> Difference | None:
    """Return how the two differ, or None where they agree."""
    if ours is None:
        return _missing_here(theirs)
    if not ours.is_holder:
        return _stray(theirs, ours)
    return _wrong_money(theirs, ours) or _other_state(theirs, ours) or _other_capture(theirs, ours)


def _kept_minor(theirs: ListedIntent) -> int:
    """What was taken and has not been given back."""
    return theirs.intent.received_minor - theirs.refunded_minor


def _is_harmless(theirs: ListedIntent) -> bool:
    """Tell whether neither money nor a hold is left, and none can come."""
    outcome = outcome_of(theirs.intent)
    # One that captures in parts may capture more.
    is_over = theirs.intent.status == "succeeded"
    is_returned = outcome == Outcome.CAPTURED and is_over and _kept_minor(theirs) <= 0
    return outcome == Outcome.CANCELLED or is_returned


def _missing_here(theirs: ListedIntent) -> Difference | None:
    if _is_harmless(theirs):
        return None
    named = theirs.intent.metadata.get("order_number") or "no order of ours"
    return _difference(
        theirs, None, CaseKind.MISSING_HERE, f"no attempt of ours; it names {named}", Cure.NONE
    )


def _stray(theirs: ListedIntent, ours: Ours) -> Difference | None:
    """An intent that names our attempt, which does not hold it."""
    if _is_harmless(theirs):
        return None
    outcome, attempt = outcome_of(theirs.intent), ours.attempt
    if attempt.stripe_intent_id is None:
        if not _is_same_money(theirs.intent, attempt):
            words = f"asks for another amount or currency than attempt {attempt.number}"
            return _difference(theirs, ours, CaseKind.AMOUNT, words, Cure.NONE)
        words = f"attempt {attempt.number} has not learnt of it"
        return _difference(theirs, ours, CaseKind.MISSING_HERE, words, Cure.ADOPT)
    words = f"attempt {attempt.number} has another intent"
    if outcome == Outcome.AUTHORIZED:
        return _difference(theirs, ours, CaseKind.ORPHAN_HOLD, words, Cure.CANCEL)
    if outcome in UNPAID:
        return _difference(theirs, ours, CaseKind.MISSING_HERE, words, Cure.CANCEL)
    is_double = bool(ours.paid_elsewhere)
    kind = CaseKind.DUPLICATE if is_double else CaseKind.MISSING_HERE
    words += ", and the order was paid by that too" if is_double else ""
    return _difference(theirs, ours, kind, words, Cure.NONE)


def _is_same_money(intent: Intent, attempt: PaymentAttempt) -> bool:
    return (intent.amount_minor, intent.currency) == (attempt.amount_minor, attempt.currency)


def _wrong_money(theirs: ListedIntent, ours: Ours) -> Difference | None:
    if _is_same_money(theirs.intent, ours.attempt):
        return None
    words = f"asks for another amount or currency than attempt {ours.attempt.number}"
    return _difference(theirs, ours, CaseKind.AMOUNT, words, Cure.NONE)


def _agreeing(intent: Intent) -> frozenset[AttemptState]:
    outcome = outcome_of(intent)
    if outcome != Outcome.CAPTURED:
        return AGREES.get(outcome, frozenset())
    is_final = intent.status == "succeeded"
    return frozenset({AttemptState.CAPTURED if is_final else AttemptState.PARTIALLY_CAPTURED})


def _other_state(theirs: ListedIntent, ours: Ours) -> Difference | None:
    outcome, attempt = outcome_of(theirs.intent), ours.attempt
    if attempt.state in _agreeing(theirs.intent):
        return None
    if attempt.state in _ENDED and outcome == Outcome.CAPTURED and _is_harmless(theirs):
        return None
    is_orphan = attempt.state in _ENDED and outcome == Outcome.AUTHORIZED
    kind = CaseKind.ORPHAN_HOLD if is_orphan else CaseKind.STATE
    words = f"attempt {attempt.number} is {attempt.state}"
    return _difference(theirs, ours, kind, words, Cure.LOOK_UP, is_moving=True)


def _other_capture(theirs: ListedIntent, ours: Ours) -> Difference | None:
    if theirs.intent.received_minor == ours.attempt.captured_minor:
        return None
    words = f"attempt {ours.attempt.number} captured another amount"
    return _difference(
        theirs,
        ours,
        CaseKind.AMOUNT,
        words,
        Cure.LOOK_UP,
        our_minor=ours.attempt.captured_minor,
        is_moving=True,
    )


def _difference(
    theirs: ListedIntent,
    ours: Ours | None,
    kind: CaseKind,
    words: str,
    cure: Cure,
    *,
    our_minor: int | None = None,
    is_moving: bool = False,
) -> Difference:
    intent, attempt = theirs.intent, ours.attempt if ours else None
    is_holder = ours is not None and ours.is_holder
    if our_minor is None and attempt is not None and is_holder:
        our_minor = attempt.captured_minor or attempt.amount_minor
    return Difference(
        kind=kind,
        subject=intent.id,
        detail=f"The intent is {intent.status} at Stripe; {words}",
        cure=cure,
        order_id=attempt.order_id if attempt else None,
        attempt_id=attempt.pk if attempt else None,
        our_minor=our_minor,
        their_minor=_kept_minor(theirs) or intent.amount_minor,
        currency=intent.currency,
        is_moving=is_moving,
    )


def missing_there(attempt: PaymentAttempt) -> Difference:
    """An attempt that Stripe should show and does not. It proves nothing, and ends nothing."""
    known_by = attempt.stripe_intent_id
    words = "has an intent that Stripe does not show" if known_by else "Stripe shows no intent of"
    return Difference(
        kind=CaseKind.MISSING_THERE,
        subject=known_by or str(attempt.uuid),
        detail=f"Attempt {attempt.number} ({attempt.state}): {words}"
        + ("" if known_by else " its creation, which was sent"),
        order_id=attempt.order_id,
        attempt_id=attempt.pk,
        our_minor=attempt.captured_minor or attempt.amount_minor,
        currency=attempt.currency,
    )
