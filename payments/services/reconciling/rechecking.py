"""Open cases: looked at anew, and closed where they are no longer true."""

from functools import partial

from payments.models import PaymentAttempt, PaymentCase
from payments.services.reconciling import disputes, intents, refunds
from payments.services.reconciling.healing import Look, Mend, Run
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
# Each costs a call or two; the oldest come first.
MOST_CASES = 200


def recheck_cases(run: Run) -> None:
    """Look at the open cases that a comparison can find. Waits for the network."""
    cases = PaymentCase.objects.filter(kind__in=COMPARED, closed_at__isnull=True)
    for case in cases.order_by("opened_at")[:MOST_CASES]:
        look, mend = _look_of(case.subject, run)
        if look is not None:
            run.reconsider(CaseKind(case.kind), case.subject, look, mend)


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
    attempt = PaymentAttempt.objects.filter(uuid=subject).first()
    return (partial(intents.look_for, attempt.pk, run.now), None) if attempt else (None, None)
