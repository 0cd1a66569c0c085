"""The customer chooses what becomes of goods that are missing; parcels stand side by side."""

import pytest
from django.test import Client

from fulfillment.models import Shipment, ShipmentEvent
from orders import links
from orders.models import Order, OrderShortage
from orders.queries.representation import represent
from orders.services import holds
from orders.states import HoldKind
from tests import builders
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.orders.house import leave, money, now, pay, state, submit


@pytest.fixture
def short(confirmed: Order, warehouse: FakeWarehouse) -> Order:
    submit(confirmed)
    leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=1), CUP=2)
    return confirmed


def path(order: Order, part: str = "") -> str:
    return f"{links.order_path(order)}{part}"


def page(client: Client, order: Order, part: str = "") -> str:
    return client.get(path(order, part)).content.decode()


def choose(client: Client, order: Order, choice: str) -> int:
    key = OrderShortage.objects.order_by("pk")[0].pk
    return client.post(path(order, f"missing/{key}/"), {"choice": choice}).status_code


class TestPage:
    def test_asks_and_leads_to_the_choices(self, client: Client, short: Order) -> None:
        builders.add_product("BOWL", price_minor=700, on_hand=4)

        shown = page(client, short)
        assert "We need your decision" in shown
        assert f'href="{path(short, "missing/")}"' in shown

        choices = page(client, short, "missing/")
        for wanted in ("Wait for it", "Bowl of stoneware", "Go without it", "£10.00", "£5.00"):
            assert wanted in choices

    def test_is_not_there_where_nothing_is_missing(self, client: Client, confirmed: Order) -> None:
        assert client.get(path(confirmed, "missing/")).status_code == 302

    def test_offers_only_to_wait_while_the_payment_is_looked_into(
        self, client: Client, short: Order
    ) -> None:
        holds.place(order_id=short.pk, kind=HoldKind.DISPUTE, reason="x", actor="system", now=now())

        shown = page(client, short, "missing/")
        assert "Wait for it" in shown
        assert "Go without it" not in shown
        assert choose(client, short, "cancel") == 409


class TestChoosing:
    def test_to_wait_can_be_changed(self, client: Client, short: Order) -> None:
        assert choose(client, short, "wait") == 302
        shown = page(client, short)
        assert "Waited for" in shown
        assert "Choose otherwise" in shown
        assert "Part of your order is on its way" in shown

    def test_to_go_without_it_lowers_the_sum(self, client: Client, short: Order) -> None:
        assert [choose(client, short, "cancel") for _ in range(2)] == [302, 302]
        pay()

        shown = page(client, short)
        assert "2 not sent" in shown
        assert "−£10.00" in shown
        assert "£26.95" in shown
        assert state(short) == "completed"
        assert money(short) == (2695, 3695, 3695, 1000)

    def test_to_take_another(self, client: Client, short: Order) -> None:
        builders.add_product("BOWL", price_minor=700, on_hand=4)
        assert choose(client, short, "substitute:BOWL") == 302

        assert "You get Bowl of stoneware instead" in page(client, short)

    @pytest.mark.parametrize("choice", ["", "substitute", "nonsense", "substitute:", "a\x00b"])
    def test_nonsense_is_refused_in_words(self, client: Client, short: Order, choice: str) -> None:
        assert choose(client, short, choice) in (409, 422)
        assert OrderShortage.objects.get().state == "open"

    def test_needs_the_forms_token_and_an_own_shortage(self, short: Order) -> None:
        assert choose(Client(enforce_csrf_checks=True), short, "wait") == 403
        other = builders.place({"MUG": 1})
        assert choose(Client(), other, "wait") == 404


class TestParcels:
    def test_say_where_they_are_and_what_was_heard_last(
        self, client: Client, short: Order, warehouse: FakeWarehouse
    ) -> None:
        first = Shipment.objects.get()
        ShipmentEvent.objects.create(
            shipment=first,
            event_id="e-1",
            state="out_for_delivery",
            description="On the van",
            occurred_at=now(),
        )
        Shipment.objects.update(state="out_for_delivery", state_changed_at=now())
        shown = page(client, short)
        for wanted in ("Out for delivery", "On the van", "with you", "Your parcel"):
            assert wanted in shown

    def test_all_delivered_is_told_above_all(self, client: Client, short: Order) -> None:
        choose(client, short, "cancel")
        pay()
        assert "Your order is on its way" in page(client, short)
        assert "hx-get" in page(client, short)

        Shipment.objects.update(state="delivered", delivered_at=now(), state_changed_at=now())

        shown = page(client, short)
        assert "Your order was delivered" in shown
        assert "hx-get" not in shown


class TestForIntegrators:
    def test_tells_of_parcels_and_of_what_is_not_sent(self, client: Client, short: Order) -> None:
        (body,) = represent([Order.objects.get()])
        assert body["fulfillment_status"] == "partially_fulfilled"
        assert (body["total_minor"], body["due_minor"]) == (3695, 3695)

        choose(client, short, "cancel")
        pay()
        Shipment.objects.update(state="delivered", delivered_at=now())

        (body,) = represent([Order.objects.get()])
        assert (body["total_minor"], body["due_minor"]) == (3695, 2695)
        assert body["fulfillment_status"] == "fulfilled"
        assert [(line["sku"], line["cancelled"]) for line in body["lines"]] == [
            ("CUP", 2),
            ("MUG", 0),
        ]
        (sent,) = body["shipments"]
        assert sent["status"] == "delivered"
        assert sent["delivered_at"].endswith("Z")
