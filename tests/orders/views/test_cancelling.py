"""A customer cancels on their page, and hears one of three honest answers."""

import pytest
from django.test import Client

from fulfillment.gateways.wms import CancelAnswer
from fulfillment.models import Fulfillment, Shipment
from fulfillment.services.stock import adjust, ensure_warehouse
from notifications.models import Message
from notifications.services.rendering import render_mail
from orders import links
from orders.models import Order, OrderCancellation, OrderShortage
from orders.queries.recipients import get_recipient
from orders.services import cancelling, choices, holds, lifecycle
from orders.services.choices import Choice
from orders.states import HoldKind
from orders.views import cancelling as views
from payments.models import Refund
from payments.services.planning import plan_capture
from tests import builders
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.orders.house import leave, now, pay, state, submit
from tests.payments.conftest import send


def path(order: Order) -> str:
    return links.order_path(order)


def page(client: Client, order: Order) -> str:
    return client.get(path(order)).content.decode()


def press(client: Client, order: Order) -> int:
    return client.post(f"{path(order)}cancel/", {"reason": "takes too long"}).status_code


def mail(order: Order) -> str:
    """What the mail about a rejected wish would say now."""
    message = Message(order=order, kind="cancellation_rejected", data={})
    return render_mail(message=message, who=get_recipient(order_id=order.pk)).text


@pytest.fixture
def split(shop: None) -> Order:
    """The cups are kept in a second warehouse: two requests, both accepted."""
    ensure_warehouse(code="away", name="Far warehouse")
    for code, units in (("main", -6), ("away", 6)):
        adjust(warehouse_code=code, deltas={"CUP": units}, reason="moved", actor="test")
    order = builders.place({"MUG": 2, "CUP": 3})
    pay()
    lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=now())
    submit(order)
    return order


class TestAsking:
    def test_says_what_happens_to_goods_and_money(self, client: Client, confirmed: Order) -> None:
        assert f'href="{path(confirmed)}cancel/"' in page(client, confirmed)

        asked = client.get(f"{path(confirmed)}cancel/").content.decode()
        assert "Nothing is sent." in asked
        assert "£36.95" in asked
        assert "noindex" in asked
        assert "You are not charged." in asked

        submit(confirmed)
        asked = client.get(f"{path(confirmed)}cancel/").content.decode()
        assert "We ask our warehouse." in asked
        assert "You do not pay for what is stopped." in asked
        assert "You are not charged." not in asked

    def test_says_that_a_part_has_left(
        self, client: Client, split: Order, warehouse: FakeWarehouse
    ) -> None:
        leave(warehouse, Fulfillment.objects.get(lines__sku="MUG").reference, parcel(MUG=2))

        asked = client.get(f"{path(split)}cancel/").content.decode()
        assert "Part of it comes to you all the same." in asked
        assert "Your money goes back." in asked

    def test_says_that_the_bank_is_asked_first(self, client: Client, placed: Order) -> None:
        asked = client.get(f"{path(placed)}cancel/").content.decode()
        assert "Your order ends at once." in asked

        send(placed, "create")
        asked = client.get(f"{path(placed)}cancel/").content.decode()
        assert "We ask your bank first." in asked
        assert "ends at once" not in asked
        assert "You are not charged." not in asked

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
        assert "nothing is sent and you are not charged" in shown
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
        assert "could not be stopped any more" in shown
        assert "had left our warehouse" not in shown
        assert "refuse the parcel" in shown
        assert "could not be stopped any more" in mail(confirmed)
        assert "Cancel this order" not in shown

        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))
        shown = page(client, confirmed)
        assert "Your order is on its way" in shown
        assert "had left our warehouse" in shown
        assert "refuse the parcel" in shown
        assert "had left our warehouse" in mail(confirmed)

        Shipment.objects.update(state="delivered", delivered_at=now())
        assert "refuse the parcel" not in page(client, confirmed)
        assert "refuse the parcel" not in mail(confirmed)

    def test_what_the_customer_went_without_before_was_not_stopped(
        self, client: Client, split: Order, warehouse: FakeWarehouse
    ) -> None:
        leave(warehouse, Fulfillment.objects.get(lines__sku="CUP").reference, CUP=3)
        choices.choose(
            order_id=split.pk,
            shortage_id=OrderShortage.objects.get().pk,
            choice=Choice.CANCEL,
            actor="customer",
            now=now(),
        )
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        press(client, split)
        submit(split)

        assert OrderCancellation.objects.get().state == "rejected"
        assert "A part of it was stopped" not in page(client, split)
        assert "A part of it was stopped" not in mail(split)

    def test_a_part_of_it_was_stopped(
        self, client: Client, split: Order, warehouse: FakeWarehouse
    ) -> None:
        leave(warehouse, Fulfillment.objects.get(lines__sku="MUG").reference, parcel(MUG=2))
        press(client, split)
        shown = page(client, split)
        assert "We have asked our warehouse to stop the rest" in shown
        assert "all of your money" not in shown
        submit(split)

        shown = page(client, split)
        assert "A part of it was stopped" in shown
        assert "It was too late to stop a part of it" in shown
        assert "A part of it was stopped" in mail(split)

    def test_the_sums_follow_on_an_open_page(
        self, client: Client, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        submit(confirmed)
        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=1), CUP=2)
        assert "includes " in page(client, confirmed)
        choices.choose(
            order_id=confirmed.pk,
            shortage_id=OrderShortage.objects.get().pk,
            choice=Choice.CANCEL,
            actor="customer",
            now=now(),
        )
        pay()

        answer = client.get(f"{path(confirmed)}status/")
        update = answer.content.decode()
        assert '<div id="summary" class="panel summary" hx-swap-oob="true">' in update
        assert "<dt>You pay</dt><dd>£26.95</dd>" in update
        assert "includes " not in update
        assert '<div id="refunds" hx-swap-oob="true">' in update
        assert "hx-swap-oob" not in page(client, confirmed)

        before = answer.context["tracking"].version
        Refund.objects.update(state="failed")
        changed = client.get(f"{path(confirmed)}status/?version={before}").content.decode()
        assert "Your bank sent it back." in changed

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
