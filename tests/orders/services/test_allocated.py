"""The counter of a line that says what is reserved for it."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from fulfillment.models import Reservation
from orders.models import Order, OrderLine
from orders.services.counting import cancel_units, count_allocated
from orders.services.lifecycle import expire_order
from payments.models import PaymentAttempt
from tests import builders

pytestmark = pytest.mark.django_db


@pytest.fixture
def order() -> Order:
    builders.open_shop()
    builders.add_product("MUG", on_hand=10)
    return builders.place({"MUG": 4})


def allocated() -> int:
    return OrderLine.objects.get().allocated


def test_is_the_quantity_of_a_placed_order(order: Order) -> None:
    assert allocated() == 4


def test_does_not_count_units_on_back_order(order: Order) -> None:
    Reservation.objects.update(state="backordered", backordered_at=timezone.now())
    count_allocated(order)
    assert allocated() == 0


def test_sinks_with_units_that_are_given_up(order: Order) -> None:
    cancel_units(order, {1: 3})
    assert allocated() == 1


def test_ends_with_the_order(order: Order) -> None:
    Order.objects.update(payment_due_at=timezone.now())
    PaymentAttempt.objects.update(state="cancelled")
    expire_order(order_id=order.pk, now=timezone.now())
    assert (Order.objects.get().state, allocated()) == ("expired", 0)


@pytest.mark.parametrize("broken", [{"cancelled": 1}, {"shipped": 1}, {"returned": 1}])
def test_no_unit_is_counted_twice(order: Order, broken: dict[str, int]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        OrderLine.objects.update(**broken)
