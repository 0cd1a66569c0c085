"""Open cases: looked at anew, and closed where they are no longer true."""

from functools import partial

from payments.models import Cursor, PaymentAttempt, PaymentCase
from payments.services.reconciling import disputes, intents, refunds
from payments.services.reconciling.healing import Look, Mend, Run
from payments.services.reconciling.matching import uuid_of
from payments.services.reconciling.mending import mend_intent
from payments.states import CaseKind

# What a comparison finds, and so may find gone; balances are looked at together in `balancing`.
COMPARED = (
    CaseKind.MISSING_HERE,
    CaseKind.MISSING_THERE,
    CaseKind.AMOUNT,
    CaseKind.STATE,
    CaseKind.DUPLICATE,
    CaseKind.ORPHAN_HOLD,
)
# Each costs a call or two; where there are more, they take turns, the oldest first.
MOST_CASES = 200
TURN = "reconcile.cases"


def recheck_cases(run: Run) -> None:
    """Look at the open cases that a comparison can find. Waits for the network."""
    for case in _whose_turn_it_is(run):
        look, mend = _look_of(case.subject, run)
        if look is not None:
            run.reconsider(CaseKind(case.kind), case.subject, look, mend)


def _whose_turn_it_is(run: Run) -> list[PaymentCase]:
    cases = PaymentCase.objects.filter(kind__in=COMPARED, closed_at__isnull=True)
    cases = cases.order_by("opened_at", "pk")
    turn = Cursor.objects.filter(name=TURN).first()
    later = cases.filter(opened_at__gt=turn.read_until) if turn else cases
    found = list(later[:MOST_CASES])
    known = {case.pk for case in found}
    found += [case for case in cases[: MOST_CASES - len(found)] if case.pk not in known]
    if run.apply and found:
        last = {"read_until": found[-1].opened_at}
        Cursor.objects.update_or_create(name=TURN, defaults=last)
    return found


def _look_of(subject: str, run: Run) -> tuple[Look | None, Mend | None]:
    """Return how the thing that a case is about is looked at, by the form of its id."""
    match subject.partition("_")[0]:
        case "pi":
            return partial(intents.look_at, subject, run.now), mend_intent
        case "re" | "pyr":
            # Its intent is not needed where the refund's own id is known.
            return partial(refunds.look_at, subject), partial(refunds.mend, "")
        case "dp" | "du":
            return partial(disputes.look_at, subject), disputes.mend
    if subject.startswith(intents.OVERPAID):
        order_id = int(subject.removeprefix(intents.OVERPAID))
        return partial(intents.look_at_account, order_id), None
    uuid = uuid_of(subject)
    attempt = PaymentAttempt.objects.filter(uuid=uuid).first() if uuid else None
    return (partial(intents.look_for, attempt.pk, run.now), None) if attempt else (None, None)
