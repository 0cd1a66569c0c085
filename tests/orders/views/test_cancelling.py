"""A customer cancels on their page, and hears one of three honest answers."""

import pytest
from django.test import Client

from fulfillment.gateways.wms import CancelAnswer
from orders import links
from orders.models import Order, OrderCancellation
from orders.services import cancelling, holds
from orders.states import HoldKind
from orders.views import cancelling as views
from payments.services.planning import plan_capture
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.orders.house import leave, now, pay, state, submit


def path(order: Order) -> str:
    return links.order_path(order)


def page(client: Client, order: Order) -> str:
    return client.get(path(order)).content.decode()


def press(client: Client, order: Order) -> int:
    return client.post(f"{path(order)}cancel/", {"reason": "takes too long"}).status_code


class TestAsking:
    def test_says_what_happens_to_goods_and_money(self, client: Client, confirmed: Order) -> None:
        assert f'href="{path(confirmed)}cancel/"' in page(client, confirmed)

        asked = client.get(f"{path(confirmed)}cancel/").content.decode()
        assert "Nothing is sent." in asked
        assert "£36.95" in asked
        assert "noindex" in asked

        submit(confirmed)
        asked = client.get(f"{path(confirmed)}cancel/").content.decode()
        assert "We ask our warehouse." in asked

    def test_changes_nothing(self, client: Client, confirmed: Order) -> None:
        client.get(f"{path(confirmed)}cancel/")

        assert not OrderCancellation.objects.exists()

    def test_needs_the_secret_and_the_forms_token(self, confirmed: Order) -> None:
        strict = Client(enforce_csrf_checks=True)
        assert strict.get(f"/orders/{confirmed.number}/{'x' * 32}/cancel/").status_code == 404
        assert press(strict, confirmed) == 403
        assert not OrderCancellation.objects.exists()

    def test_takes_no_reason_of_its_own_words(self, client: Client, confirmed: Order) -> None:
        client.post(f"{path(confirmed)}cancel/", {"reason": "my name is Ada"})

        assert OrderCancellation.objects.get().reason == "no reason given"


class TestAnswers:
    def test_cancelled(self, client: Client, confirmed: Order) -> None:
        assert press(client, confirmed) == 302

        shown = page(client, confirmed)
        assert "This order is cancelled" in shown
        assert "You were not charged." in shown
        assert "Cancel this order" not in shown

    def test_we_have_asked_the_warehouse(self, client: Client, confirmed: Order) -> None:
        submit(confirmed)
        press(client, confirmed)

        shown = page(client, confirmed)
        assert "We have asked our warehouse to stop your order" in shown
        assert "hx-get" in shown
        assert "Cancel this order" not in shown
        assert client.get(f"{path(confirmed)}cancel/").status_code == 302

        submit(confirmed)
        assert "This order is cancelled" in page(client, confirmed)

    def test_too_late(self, client: Client, confirmed: Order, warehouse: FakeWarehouse) -> None:
        submit(confirmed)
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        press(client, confirmed)
        submit(confirmed)

        shown = page(client, confirmed)
        assert "It was too late to cancel" in shown
        assert "refuse the parcel" in shown
        assert "Cancel this order" not in shown

        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))
        assert "Your order is on its way" in page(client, confirmed)

    def test_money_goes_back_where_it_was_taken(self, client: Client, confirmed: Order) -> None:
        plan_capture(order_id=confirmed.pk, now=now())
        pay()
        press(client, confirmed)
        pay()

        assert "All that you paid goes back to you." in page(client, confirmed)


class TestRefused:
    @pytest.mark.parametrize("kind", [HoldKind.DISPUTE, HoldKind.FRAUD_WARNING])
    def test_while_the_payment_is_looked_into(
        self, client: Client, confirmed: Order, kind: HoldKind
    ) -> None:
        holds.place(order_id=confirmed.pk, kind=kind, reason="x", actor="system", now=now())

        assert "being looked into" in page(client, confirmed)
        answer = client.post(f"{path(confirmed)}cancel/", {"reason": ""})
        assert answer.status_code == 409
        assert "being looked into" in answer.content.decode()
        assert state(confirmed) == "confirmed"

    def test_twice_is_once(self, client: Client, confirmed: Order) -> None:
        assert [press(client, confirmed) for _ in range(2)] == [302, 302]
        assert OrderCancellation.objects.count() == 1

    def test_twice_in_two_windows_is_no_error(
        self, client: Client, confirmed: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def read_before_the_other(*_: object) -> Order:
            order = Order.objects.get(pk=confirmed.pk)
            cancelling.request_cancellation(
                order_id=order.pk, reason="the other window", actor="customer", now=now()
            )
            return order

        monkeypatch.setattr(views, "get_order", read_before_the_other)

        answer = client.post(f"{path(confirmed)}cancel/", {"reason": ""})
        assert (answer.status_code, state(confirmed)) == (302, "cancelled")
