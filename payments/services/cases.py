"""Cases: money that does not fit, for a person to look at. One open per kind and subject."""

from datetime import datetime

from django.db import transaction

from globalmart.core.alerts import close_alert, open_alert
from payments.models import PaymentCase
from payments.states import CaseKind

ALERT, SUBJECT_TYPE = "payment_case", "payment_case"
MOST_DETAIL, MOST_RESOLUTION = 500, 300


@transaction.atomic
def open_case(
    *,
    kind: CaseKind,
    subject: str,
    detail: str,
    order_id: int | None = None,
    attempt_id: int | None = None,
    our_minor: int | None = None,
    their_minor: int | None = None,
    currency: str = "",
) -> None:
    """Open a case with its alert, unless one of this kind and subject is open already.

    `subject` is Stripe's id of the thing, or ours where Stripe has none; `our_minor` and
    `their_minor` are what the two books say. Joins the caller's transaction.
    """
    case = PaymentCase(
        kind=kind,
        subject=subject,
        order_id=order_id,
        attempt_id=attempt_id,
        our_minor=our_minor,
        their_minor=their_minor,
        currency=currency,
        detail=detail[:MOST_DETAIL],
    )
    PaymentCase.objects.bulk_create([case], ignore_conflicts=True)
    found = PaymentCase.objects.filter(kind=kind, subject=subject, closed_at__isnull=True).first()
    # Where somebody closes the case that was in the way at this moment, it has been looked at.
    if found is not None:
        open_alert(
            kind=ALERT,
            subject_type=SUBJECT_TYPE,
            subject_id=found.pk,
            detail=f"{found.get_kind_display()} {subject}: {detail}",
        )


@transaction.atomic
def close_case(
    *, kind: CaseKind, subject: str, closed_by: str, resolution: str, now: datetime
) -> bool:
    """Close the open case of this kind and subject with its alert; tell whether there was one.

    `closed_by` is `system` where it was healed, else an actor as in the timeline; `resolution`
    says what was done. Raises ValueError where either is missing.
    """
    if not closed_by or not resolution:
        raise ValueError("a case is closed by somebody, who says how")
    rows = PaymentCase.objects.filter(kind=kind, subject=subject, closed_at__isnull=True)
    found = rows.locked().first()
    if found is None:
        return False
    found.closed_at = now
    found.closed_by = closed_by
    found.resolution = resolution[:MOST_RESOLUTION]
    found.save(update_fields=["closed_at", "closed_by", "resolution"])
    close_alert(kind=ALERT, subject_type=SUBJECT_TYPE, subject_id=found.pk, now=now)
    return True
