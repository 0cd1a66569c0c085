"""Many buyers at once: real threads, real connections."""

from collections import Counter

import pytest
from django.utils import timezone

from fulfillment.models import Reservation, Stock
from globalmart.core.idempotency import KeyBusy, KeyReused
from orders.models import Basket, Order
from orders.services.checkout import (
    BasketClosed,
    DuplicateReference,
    OutOfStock,
    Placed,
    place_order,
)
from payments.models import PaymentAttempt
from tests import builders
from tests.builders import submission
from tests.concurrency.racing import race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def shop(transactional_db: None) -> None:
    builders.open_shop()
    builders.add_product("MUG")


def buy(items: dict[str, int] | None = None, **changes: object) -> Placed:
    return place_order(submission=submission(items, **changes), now=timezone.now())


def kinds(found: list[object]) -> Counter[str]:
    return Counter(type(one).__name__ for one in found)


class TestOneKey:
    def test_clicked_eight_times_makes_one_order(self) -> None:
        found = race(*[buy] * 8)

        placed = [one for one in found if isinstance(one, Placed)]
        assert {one.order_id for one in placed} == {Order.objects.get().pk}
        assert sum(not one.is_replay for one in placed) == 1
        assert all(isinstance(one, Placed | KeyBusy) for one in found)
        assert PaymentAttempt.objects.count() == 1
        assert Stock.objects.get().reserved == 2

    def test_with_two_bodies_makes_one_order(self) -> None:
        found = race(buy, lambda: buy(items={"MUG": 1}, request_hash="hash-of-grace"))

        assert kinds(found) == {"Placed": 1, KeyReused.__name__: 1}
        assert Order.objects.count() == 1

    def test_of_one_basket_in_two_tabs_makes_one_order(self) -> None:
        basket = Basket.objects.create(currency="GBP")

        found = race(
            lambda: buy(key="one", basket_id=basket.pk), lambda: buy(key="two", basket_id=basket.pk)
        )

        assert kinds(found) == {"Placed": 1, BasketClosed.__name__: 1}
        assert Stock.objects.get().reserved == 2

    def test_of_one_external_ref_under_two_keys_makes_one_order(self) -> None:
        client = builders.add_client()

        found = race(
            *[
                lambda key=key: buy(key=key, external_ref="A-1", api_client_id=client.pk)
                for key in ("one", "two")
            ]
        )

        assert kinds(found) == {"Placed": 1, DuplicateReference.__name__: 1}


class TestStock:
    def test_sells_the_last_unit_to_one_of_fifty(self) -> None:
        builders.add_product("CUP", on_hand=1)

        found = race(*[lambda n=n: buy(items={"CUP": 1}, key=f"key-{n}") for n in range(50)])

        assert kinds(found) == {"Placed": 1, OutOfStock.__name__: 49}
        assert Stock.objects.get(sku="CUP").reserved == 1
        assert Reservation.objects.count() == Order.objects.count() == 1

    def test_is_shared_without_deadlock_by_orders_for_the_same_skus(self) -> None:
        for sku in ("CUP", "POT", "BOWL"):
            builders.add_product(sku, on_hand=100)
        forth = {"CUP": 1, "POT": 1, "BOWL": 1}
        back = dict(reversed(forth.items()))

        found = race(
            *[lambda n=n: buy(items=back if n % 2 else forth, key=f"key-{n}") for n in range(16)]
        )

        assert kinds(found) == {"Placed": 16}
        assert set(Stock.objects.exclude(sku="MUG").values_list("reserved", flat=True)) == {16}
