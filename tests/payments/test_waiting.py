"""What has waited too long, for the watchdog: measured from when it could first have happened."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orders.models import Order
from payments.models import PaymentOperation
from payments.queries import list_stuck_operations
from payments.states import OPERATION_AGE, OperationState
from tests.payments.conftest import operation

MINUTE = timedelta(minutes=1)


class TestStuckOperations:
    @pytest.mark.parametrize("state", OPERATION_AGE)
    def test_are_measured_from_their_first_sending(self, order: Order, state: str) -> None:
        """A confirmation is planned with the order, and may wait long before it is sent."""
        now = timezone.now()
        age = OPERATION_AGE[OperationState(state)]
        confirm = operation(order, "confirm")
        rows = PaymentOperation.objects.filter(pk=confirm.pk)
        rows.update(state=state, due_at=now, created_at=now - age - MINUTE, first_sent_at=now)

        assert list_stuck_operations(now=now) == []
        assert list_stuck_operations(now=now + age - MINUTE) == []

        rows.update(first_sent_at=now - age - MINUTE)
        (found,) = list_stuck_operations(now=now)
        assert (found.kind, found.subject_id) == ("operation_stuck", confirm.pk)

    def test_that_never_left_are_measured_from_when_they_were_due(self, order: Order) -> None:
        now, age = timezone.now(), OPERATION_AGE[OperationState.PLANNED]
        create = PaymentOperation.objects.filter(kind="create")
        create.update(created_at=now - 2 * age, due_at=now)
        assert list_stuck_operations(now=now) == []

        create.update(due_at=now - age - MINUTE)
        assert [each.subject_id for each in list_stuck_operations(now=now)] == [create.get().pk]
