"""Many buyers, one voucher: real threads, real connections."""

from collections import Counter
from functools import partial

import pytest
from django.utils import timezone

from orders.models import Order, Voucher, VoucherUse
from orders.pricing import DiscountKind
from orders.queries.discounts import VoucherRefused
from orders.services.checkout import Placed, place_order
from tests import builders
from tests.builders import submission
from tests.concurrency.racing import race

pytestmark = pytest.mark.django_db(transaction=True)
BUYERS = 12


@pytest.fixture(autouse=True)
def shop(transactional_db: None) -> None:
    builders.open_shop()
    builders.add_product("MUG", on_hand=1000)


def buy(number: int, **changes: object) -> Placed:
    wanted = submission(voucher="once", key=f"key-{number}", **changes)
    return place_order(submission=wanted, now=timezone.now())


def kinds(found: list[object]) -> Counter[str]:
    return Counter(type(one).__name__ for one in found)


def test_a_single_use_is_had_once() -> None:
    Voucher.objects.create(code="ONCE", kind=DiscountKind.PERCENT, rate_bp=1000, max_uses=1)
    buyers = [partial(buy, number, email=f"buyer-{number}@example.com") for number in range(BUYERS)]

    found = race(*buyers)

    assert kinds(found) == {"Placed": 1, VoucherRefused.__name__: BUYERS - 1}
    assert Order.objects.count() == VoucherUse.objects.count() == Voucher.objects.get().uses == 1


def test_a_single_use_per_customer_is_had_once_by_each() -> None:
    Voucher.objects.create(
        code="ONCE", kind=DiscountKind.PERCENT, rate_bp=1000, max_uses_per_customer=1
    )
    people = ("ada@example.com", "Grace@example.com", "grace@example.com ")
    found = race(*[partial(buy, number, email=people[number % 3]) for number in range(9)])

    assert kinds(found) == {"Placed": 2, VoucherRefused.__name__: 7}
    assert Voucher.objects.get().uses == 2
