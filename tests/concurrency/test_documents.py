"""Numbers that many take at the same moment: none twice, none left out."""

from collections.abc import Callable

import pytest
from django.db import transaction

from globalmart.core.audit import run_audit
from orders.models import Document, DocumentSeries, Order
from orders.services import documents
from payments.models import PaymentAttempt
from payments.services import ledger
from tests import builders
from tests.concurrency.racing import race
from tests.orders.house import now

pytestmark = pytest.mark.django_db(transaction=True)
THREADS = 20


class Lost(Exception):
    """What makes a transaction roll back."""


def captured(place: int) -> Order:
    """An order whose whole amount the ledger says was captured."""
    order = builders.place({"MUG": 1}, key=f"key-{place}")
    attempt = PaymentAttempt.objects.get(order=order)
    with transaction.atomic():
        ledger.book(attempt=attempt, debit="stripe", credit="sales", amount_minor=order.total_minor)
    return order


def issue(order: Order, *, is_lost: bool = False) -> Callable[[], object]:
    def write() -> None:
        with transaction.atomic():
            documents.issue_due(order_id=order.pk, now=now())
            if is_lost:
                raise Lost

    return write


def test_leave_no_gap_and_have_no_double() -> None:
    builders.open_shop()
    builders.add_product("MUG", on_hand=100)
    orders = [captured(place) for place in range(THREADS)]

    # Every fifth is lost after it had its number; every order is told of twice in the end.
    found = race(*(issue(order, is_lost=place % 5 == 0) for place, order in enumerate(orders)))
    assert sum(isinstance(each, Lost) for each in found) == THREADS // 5
    assert [each for each in found if each is not None and not isinstance(each, Lost)] == []
    race(*(issue(order) for order in orders))

    assert sorted(Document.objects.values_list("sequence", flat=True)) == [*range(1, THREADS + 1)]
    assert DocumentSeries.objects.get().last_number == THREADS
    assert Document.objects.values("order").distinct().count() == THREADS
    checked = [each for each in run_audit(books="").findings if "i20" in each.invariant.path.name]
    assert len(checked) == 3
    assert (
        [each.invariant.path.name for each in checked if each.count or each.error]
        == [
            # The ledger was written by hand.
        ]
    )


def test_told_at_once_is_written_once() -> None:
    builders.open_shop()
    builders.add_product("MUG", on_hand=100)
    order = captured(1)

    assert race(*[issue(order)] * 8) == [None] * 8
    assert Document.objects.count() == 1
