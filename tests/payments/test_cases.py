import pytest
from django.db import IntegrityError, transaction

from globalmart.core.db import constraint_name
from globalmart.core.models import Alert
from orders.models import Order
from payments.models import PaymentCase
from payments.services.cases import close_case, open_case
from payments.states import CaseKind
from tests.builders import NOON


def open_one(order: Order) -> PaymentCase:
    open_case(
        kind=CaseKind.REFUND_FAILED,
        subject="re_1",
        detail="the bank sent it back",
        order_id=order.pk,
        our_minor=100,
        their_minor=0,
        currency="GBP",
    )
    return PaymentCase.objects.get(closed_at__isnull=True)


def close(resolution: str = "paid by bank transfer") -> bool:
    return close_case(
        kind=CaseKind.REFUND_FAILED,
        subject="re_1",
        closed_by="staff:1",
        resolution=resolution,
        now=NOON,
    )


def test_is_opened_once_with_its_alert(order: Order) -> None:
    first = open_one(order)

    assert open_one(order) == first
    alert = Alert.objects.get(kind="payment_case", closed_at__isnull=True)
    assert (alert.subject_type, alert.subject_id) == ("payment_case", first.pk)


def test_closing_says_how_and_closes_the_alert(order: Order) -> None:
    case = open_one(order)

    assert close()

    case.refresh_from_db()
    assert (case.closed_by, case.resolution) == ("staff:1", "paid by bank transfer")
    assert not Alert.objects.filter(closed_at__isnull=True).exists()
    assert not close()


def test_another_may_be_opened_when_one_was_closed(order: Order) -> None:
    first = open_one(order)
    close()

    assert open_one(order) != first


def test_closing_without_saying_how_is_refused_by_code_and_database(order: Order) -> None:
    case = open_one(order)

    with pytest.raises(ValueError, match="says how"):
        close(resolution="")
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        PaymentCase.objects.filter(pk=case.pk).update(closed_at=NOON)
    assert constraint_name(caught.value) == "closed_case_says_how"
