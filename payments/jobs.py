"""RQ jobs of payments. Each works all due rows of its kind in a bounded pool."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from globalmart.core import bell
from globalmart.core.db import Lease
from globalmart.core.reconciliation import Report, Unfinished
from globalmart.core.work import drain
from payments.gateways.events import NotAnswered
from payments.models import PaymentAttempt, PaymentOperation, Refund, StripeEvent
from payments.services import event_sweep
from payments.services.inbox import apply_event
from payments.services.operations import check_attempt, send_operation
from payments.services.reconciling import running
from payments.services.refund_outcomes import check_seconds
from payments.services.refunding import check_refund, send_refund
from payments.services.sending import LEASE_SECONDS

log = logging.getLogger(__name__)

CHECK_LEASE = timedelta(seconds=30)
# The comparison of everything makes room for the queue's other work after this.
WHOLE_BUDGET = timedelta(seconds=20)


def work_operations() -> None:
    """Send what is planned; find out what became of what was sent."""
    bell.answer("payments.operations")

    def claim(limit: int) -> list[Lease]:
        return PaymentOperation.objects.all().lease(
            now=timezone.now(), limit=limit, lease_seconds=LEASE_SECONDS
        )

    drain(claim=claim, work=_work_operation)


def _work_operation(each: Lease) -> None:
    if PaymentOperation.objects.filter(pk=each.key, refund__isnull=False).exists():
        send_refund(operation_id=each.key)
    else:
        send_operation(operation_id=each.key, token=each.token)


def check_attempts() -> None:
    """Look at the intents of attempts that nobody has told us about for a while."""
    bell.answer("payments.checks")
    drain(
        claim=lambda limit: _claim_checks(now=timezone.now(), limit=limit),
        work=_check,
        threads=4,
    )


@transaction.atomic(durable=True)
def _claim_checks(*, now: datetime, limit: int) -> list[int]:
    """Push the next look ahead: whoever dies here is replaced when that time comes."""
    due = PaymentAttempt.objects.filter(next_check_at__lte=now).order_by("next_check_at")
    rows = list(due.select_for_update(skip_locked=True, no_key=True)[:limit])
    for row in rows:
        row.next_check_at = now + CHECK_LEASE
        row.checks += 1
    PaymentAttempt.objects.bulk_update(rows, ["next_check_at", "checks"])
    return [row.pk for row in rows]


def _check(attempt_id: int) -> None:
    check_attempt(attempt_id=attempt_id)


def check_refunds() -> None:
    """Look up refunds that wait for the bank, or that do not fit yet."""
    bell.answer("payments.refund_checks")
    drain(
        claim=lambda limit: _claim_refund_checks(now=timezone.now(), limit=limit),
        work=_check_refund,
        threads=4,
    )


@transaction.atomic(durable=True)
def _claim_refund_checks(*, now: datetime, limit: int) -> list[int]:
    """Push the next look ahead: whoever dies here is replaced when that time comes."""
    due = Refund.objects.filter(next_check_at__lte=now).order_by("next_check_at")
    rows = list(due.select_for_update(skip_locked=True, no_key=True)[:limit])
    for row in rows:
        pause = timedelta(seconds=check_seconds(row.checks))
        row.next_check_at = now + max(CHECK_LEASE, pause)
        row.checks += 1
    Refund.objects.bulk_update(rows, ["next_check_at", "checks"])
    return [row.pk for row in rows]


def _check_refund(refund_id: int) -> None:
    check_refund(refund_id=refund_id)


def apply_webhooks() -> None:
    """Apply stored webhooks."""
    bell.answer("payments.webhooks")

    def claim(limit: int) -> list[int]:
        return StripeEvent.objects.all().claim(
            now=timezone.now(), limit=limit, lease_seconds=LEASE_SECONDS
        )

    drain(claim=claim, work=lambda key: apply_event(event_pk=key, now=timezone.now()), threads=4)


def sweep_events() -> None:
    """Fetch the events that Stripe could not deliver."""
    try:
        found = event_sweep.sweep_events(now=timezone.now())
    except NotAnswered as error:
        log.warning("Stripe's undelivered events are fetched next time: %s", error)
        return
    if found.new:
        log.warning("%s events had not been delivered since %s", found.new, found.since)


def reconcile_recent() -> None:
    """Compare with Stripe what has moved lately, heal what is safe, open cases for the rest."""
    try:
        _tell(running.reconcile_recent(now=timezone.now()))
    except Unfinished as error:
        log.warning("the comparison with Stripe goes on next time: %s", error)


def begin_reconciliation() -> None:
    """Have everything compared with Stripe; `reconcile_whole` does it, part by part."""
    running.begin_whole(now=timezone.now())
    bell.ring({"payments.reconciliation"})


def reconcile_whole() -> None:
    """Go on with the comparison of everything, for a bounded time."""
    bell.answer("payments.reconciliation")
    try:
        report = running.continue_whole(now=timezone.now(), budget=WHOLE_BUDGET)
    except Unfinished as error:
        log.warning("the comparison with Stripe goes on next time: %s", error)
        return
    if report is not None:
        _tell(report)


def _tell(report: Report) -> None:
    if report.found:
        log.warning(
            "compared with Stripe: %s differ, %s healed: %s",
            *(report.found.total(), report.healed.total(), "; ".join(report.examples[:5])),
        )
