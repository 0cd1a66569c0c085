"""Secret links: nothing stored, revoked by a number."""

import pytest
from django.test import override_settings

from orders.links import find_order_by_link, order_path, order_secret, order_url
from orders.models import Order
from tests import builders


@pytest.fixture
def order(db: None) -> Order:
    builders.open_shop()
    builders.add_product()
    return builders.place()


class TestFindOrderByLink:
    def test_opens_with_number_and_secret(self, order: Order) -> None:
        found = find_order_by_link(order.number.lower().replace("-", " "), order_secret(order))

        assert found == order
        assert order_path(order) == f"/orders/{order.number}/{order_secret(order)}/"
        assert order_url(order).startswith("http")

    @pytest.mark.parametrize("change", [str.lower, lambda text: text[:-1], lambda _: "", str.upper])
    def test_stays_shut_to_another_secret(self, order: Order, change: object) -> None:
        wrong = change(order_secret(order))  # type: ignore[operator]

        assert find_order_by_link(order.number, wrong) is None

    def test_stays_shut_to_the_secret_of_another_order(self, order: Order) -> None:
        grace = builders.place()

        assert find_order_by_link(order.number, order_secret(grace)) is None

    def test_stays_shut_to_a_secret_for_another_purpose(self, order: Order) -> None:
        assert find_order_by_link(order.number, order_secret(order, "erase")) is None

    @pytest.mark.parametrize("number", ["", "GM", "GM-00000-00000", "é", "0" * 400])
    def test_stays_shut_to_a_wrong_number(self, order: Order, number: str) -> None:
        assert find_order_by_link(number, order_secret(order)) is None

    def test_is_revoked_by_the_next_version(self, order: Order) -> None:
        old = order_secret(order)
        Order.objects.update(link_version=2)

        assert find_order_by_link(order.number, old) is None

    def test_depends_on_the_servers_key(self, order: Order) -> None:
        old = order_secret(order)

        with override_settings(LINK_KEY="another" * 6):
            assert find_order_by_link(order.number, old) is None
