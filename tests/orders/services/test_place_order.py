"""One local transaction: everything or nothing, once per key."""

from dataclasses import replace

import pytest
from django.apps import apps
from django.utils import timezone

from fulfillment.models import Reservation, Stock
from globalmart.core import idempotency
from globalmart.core.models import OutboxEvent, TimelineEntry
from orders.models import Basket, Order, OrderLine, Price, Product, TaxRate
from orders.services import checkout
from orders.services.checkout import Address, Item, Placed, place_order
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from tests import builders
from tests.builders import LONDON, submission

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shop(db: None) -> None:
    builders.open_shop()
    builders.add_product("MUG")
    builders.add_product("CUP", price_minor=450, on_hand=5)


def place(**changes: object) -> Placed:
    return place_order(submission=submission(**changes), now=timezone.now())


def rows() -> dict[str, int]:
    """How many rows every table of ours has."""
    labels = ("core", "orders", "payments", "fulfillment", "notifications")
    models = [model for label in labels for model in apps.get_app_config(label).get_models()]
    return {model._meta.label: model._default_manager.count() for model in models}


class TestPlaceOrder:
    def test_prices_the_order_itself(self) -> None:
        order = Order.objects.get(pk=place(items={"MUG": 2, "CUP": 1}).order_id)

        assert (order.subtotal_minor, order.shipping_minor, order.total_minor) == (2250, 395, 2645)
        # 20 % inside 18.00, 4.50 and 3.95: 3.00 + 0.75 + 0.66
        assert order.tax_minor == 441
        assert [(line.sku, line.total_minor) for line in order.lines.order_by("position")] == [
            ("CUP", 450),
            ("MUG", 1800),
        ]

    def test_ships_for_nothing_above_a_value(self) -> None:
        order = Order.objects.get(pk=place(items={"MUG": 6}).order_id)

        assert (order.subtotal_minor, order.shipping_minor) == (5400, 0)

    def test_takes_no_tax_where_none_is_set(self) -> None:
        abroad = replace(LONDON, country="US")

        assert place(shipping_address=abroad).body["tax_minor"] == 0

    def test_writes_account_attempt_operations_timeline_and_event(self) -> None:
        order_id = place().order_id

        assert OrderAccount.objects.get().due_minor == 2195
        assert PaymentAttempt.objects.get().amount_minor == 2195
        assert PaymentOperation.objects.count() == 2
        assert TimelineEntry.objects.get().kind == "order.placed"
        assert OutboxEvent.objects.get().name == "order.placed"
        assert OutboxEvent.objects.get().subject_id == order_id
        assert Reservation.objects.get().quantity == 2

    def test_sums_a_repeated_sku(self) -> None:
        items = (Item("MUG", 1), Item("CUP", 1), Item("MUG", 2))

        place_order(submission=replace(submission(), items=items), now=timezone.now())

        assert dict(OrderLine.objects.values_list("sku", "quantity")) == {"MUG": 3, "CUP": 1}
        assert Stock.objects.get(sku="MUG").reserved == 3

    def test_replays_its_answer_unchanged(self) -> None:
        first = place()
        before = rows()
        Price.objects.update(amount_minor=1)

        again = place()

        assert (again.is_replay, again.order_id) == (True, first.order_id)
        assert again.body == first.body
        assert rows() == before

    def test_gives_the_browser_an_address_to_pay_at(self) -> None:
        assert place(payment_method="").body["pay_url"].endswith("/pay/")
        assert "pay_url" not in place(key="other").body

    def test_refuses_a_key_that_meant_something_else(self) -> None:
        place()

        with pytest.raises(idempotency.KeyReused):
            place(request_hash="hash-of-grace")

    def test_keeps_keys_of_different_senders_apart(self) -> None:
        first = place()

        assert place(key_scope="api:2").order_id != first.order_id

    def test_takes_an_external_ref_once_per_client(self) -> None:
        acme, globex = builders.add_client("acme"), builders.add_client("globex")
        first = place(external_ref="A-1", api_client_id=acme.pk)
        before = rows()

        with pytest.raises(checkout.DuplicateReference) as caught:
            place(key="other", external_ref="A-1", api_client_id=acme.pk)

        assert caught.value.order_public_id == first.body["id"]
        assert rows() == before
        place(key="third", external_ref="A-1", api_client_id=globex.pk)

    def test_closes_the_basket(self) -> None:
        basket = Basket.objects.create(currency="GBP")
        first = place(basket_id=basket.pk)

        with pytest.raises(checkout.BasketClosed) as caught:
            place(key="other", basket_id=basket.pk)

        assert caught.value.order_id == first.order_id
        assert place(basket_id=basket.pk).is_replay


class TestRefusals:
    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"items": {"MUG": 11}}, checkout.OutOfStock),
            ({"items": {"MUG": 1, "CUP": 6}}, checkout.OutOfStock),
            ({"items": {"TEAPOT": 1}}, checkout.UnknownSku),
            ({"items": {"MUG": 1, "TEAPOT": 1}}, checkout.UnknownSku),
            ({"items": {"mug": 1}}, checkout.UnknownSku),
            ({"currency": "JPY"}, checkout.NotPriced),
            ({"shipping_method": "teleport"}, checkout.UnknownShippingMethod),
            ({"items": {"MUG": 0}}, checkout.BadQuantity),
            ({"items": {"MUG": -1}}, checkout.BadQuantity),
            ({"items": {"MUG": 100_001}}, checkout.BadQuantity),
        ],
    )
    def test_leave_nothing_behind_and_let_the_key_try_again(
        self, changes: dict[str, object], error: type[Exception]
    ) -> None:
        before = rows()

        with pytest.raises(error):
            place(**changes)

        assert rows() == before
        assert not Stock.objects.exclude(reserved=0).exists()
        assert not place().is_replay

    def test_name_what_is_short(self) -> None:
        with pytest.raises(checkout.OutOfStock) as caught:
            place(items={"MUG": 11, "CUP": 1})

        assert caught.value.shortages == (checkout.Shortage("MUG", 11, 10),)

    def test_sell_nothing_that_is_not_for_sale(self) -> None:
        Product.objects.update(is_active=False)

        with pytest.raises(checkout.UnknownSku):
            place()

    def test_need_a_line(self) -> None:
        with pytest.raises(checkout.NoLines):
            place_order(submission=replace(submission(), items=()), now=timezone.now())

    def test_take_no_total_beyond_reason(self) -> None:
        Price.objects.update(amount_minor=10**12)

        with pytest.raises(checkout.TotalTooLarge):
            place()

    def test_refuse_the_sum_of_many_lines(self) -> None:
        items = tuple(Item("MUG", 60_000) for _ in range(2))

        with pytest.raises(checkout.BadQuantity):
            place_order(submission=replace(submission(), items=items), now=timezone.now())


class TestPrices:
    def test_stay_as_they_were_when_the_order_was_placed(self) -> None:
        order_id = place().order_id
        Price.objects.update(amount_minor=1)
        TaxRate.objects.update(rate_bp=0)

        line = OrderLine.objects.get(order_id=order_id)

        assert (line.unit_price_minor, line.tax_rate_bp, line.tax_minor) == (900, 2000, 300)

    def test_bill_elsewhere_than_they_ship(self) -> None:
        paris = Address(name="Grace Hopper", line1="1 rue de Rivoli", city="Paris", country="FR")

        order = Order.objects.get(pk=place(billing_address=paris).order_id)

        assert order.billing_address["country"] == "FR"
        assert order.tax_minor == 366
