"""What has happened is not changed, and what is told is told with the change."""

import pytest
from django.db import IntegrityError, transaction

from globalmart.core import outbox, timeline
from globalmart.core.models import OutboxEvent, TimelineEntry
from globalmart.core.requests import correlated
from orders.events import OrderPlaced
from payments.events import PaymentCaptured

pytestmark = pytest.mark.django_db


def record(reason: str = "") -> TimelineEntry:
    timeline.record(
        subject_type="order", subject_id=7, kind="order.placed", actor="customer", reason=reason
    )
    return TimelineEntry.objects.latest("pk")


class TestTimeline:
    @pytest.mark.parametrize(
        "change",
        [
            lambda: TimelineEntry.objects.update(actor="nobody"),
            lambda: TimelineEntry.objects.all().delete(),
        ],
    )
    def test_never_changes(self, change: object) -> None:
        record()

        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()  # type: ignore[operator]

        assert TimelineEntry.objects.get().actor == "customer"

    def test_carries_the_correlation_id_and_a_short_reason(self) -> None:
        with correlated("request-of-ada"):
            entry = record("x" * 400)

        assert entry.correlation_id == "request-of-ada"
        assert len(entry.reason) == 300


class TestPublish:
    def test_writes_name_subject_and_payload(self) -> None:
        key = outbox.publish(PaymentCaptured(subject_id=7, attempt_id=3, amount_minor=2195))

        row = OutboxEvent.objects.get(pk=key)
        assert (row.name, row.subject_type, row.subject_id) == ("payment.captured", "order", 7)
        assert row.payload == {"attempt_id": 3, "amount_minor": 2195}
        assert row.position is None

    def test_is_undone_with_the_change(self) -> None:
        with transaction.atomic():
            outbox.publish(OrderPlaced(subject_id=7))
            transaction.set_rollback(True)

        assert not OutboxEvent.objects.exists()
