"""A customer changes a placed order on its pages: honest offers, previews and answers."""

import re
from typing import Any

import pytest
from django.test import Client

from fulfillment.gateways.wms import CancelAnswer
from orders import links
from orders.models import Order, OrderCancellation, OrderCorrection
from orders.services import holds
from orders.states import HoldKind
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.orders.house import leave, now, state, submit, units

LEEDS = {
    "name": "Ada Lovelace",
    "country": "GB",
    "line1": "1 Park Row",
    "city": "Leeds",
    "postal_code": "ls15hn",
}


def path(order: Order) -> str:
    return links.order_path(Order.objects.get(pk=order.pk))


def text(answer: Any) -> str:
    return str(answer.content.decode())


def page(client: Client, order: Order, part: str = "") -> str:
    return text(client.get(f"{path(order)}{part}"))


def choose(client: Client, order: Order, **fields: str) -> Any:
    return client.post(f"{path(order)}cancel/items/", fields)


class TestOffers:
    def test_are_what_the_state_allows(
        self, client: Client, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        shown = page(client, confirmed)
        for part in ("change/address/", "change/contact/", "cancel/items/", "cancel/"):
            assert f'href="{path(confirmed)}{part}"' in shown
        submit(confirmed)
        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))
        shown = page(client, confirmed)
        assert "Change this order" not in shown

    def test_while_it_is_unpaid_are_the_whole_or_nothing(
        self, client: Client, placed: Order
    ) -> None:
        assert "cancel/items/" not in page(client, placed)
        shown = page(client, placed, "cancel/items/")
        assert "only be cancelled as a whole" in shown
        assert f'href="{path(placed)}cancel/"' in shown

    def test_are_none_while_the_money_is_looked_into(
        self, client: Client, confirmed: Order
    ) -> None:
        holds.place(
            order_id=confirmed.pk, kind=HoldKind.DISPUTE, reason="x", actor="system", now=now()
        )
        for part in ("change/address/", "change/contact/", "cancel/items/"):
            assert "being looked into" in page(client, confirmed, part)


class TestItems:
    def test_are_looked_over_with_what_it_does_to_the_money(
        self, client: Client, confirmed: Order
    ) -> None:
        assert "3 can still be cancelled" in page(client, confirmed, "cancel/items/")
        answer = choose(client, confirmed, line_1="2", seen_1="0", seen_2="0", step="review")
        shown = text(answer)
        assert answer.status_code == 200
        assert "£10.00 is not charged" in shown
        assert "£26.95" in shown
        assert "It is done at once" in shown
        assert not OrderCancellation.objects.exists()

    def test_are_cancelled_once_however_often_it_is_pressed(
        self, client: Client, confirmed: Order
    ) -> None:
        fields = {"line_1": "2", "seen_1": "0", "seen_2": "0", "step": "confirm"}
        for _ in range(2):
            assert choose(client, confirmed, **fields).status_code == 302
        assert units(confirmed)[0] == ("CUP", 3, 0, 2)
        assert "2 not sent" in page(client, confirmed)

    def test_at_the_warehouse_are_asked_for(
        self, client: Client, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        submit(confirmed)
        shown = text(choose(client, confirmed, line_1="2", seen_1="0", step="review"))
        assert "We ask our warehouse first" in shown
        choose(client, confirmed, line_1="2", seen_1="0", step="confirm")
        shown = page(client, confirmed)
        assert "We are asking our warehouse" in shown
        assert "Change this order" in shown  # contact can be changed all the same
        assert "cancel/items/" not in shown

        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        submit(confirmed)
        shown = page(client, confirmed)
        assert "It was too late for these" in shown
        assert f'href="{path(confirmed)}return/"' in shown

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({}, "how many you do not want"),
            ({"line_1": "9"}, "Only 3 of these can still be cancelled"),
            ({"line_1": "two"}, "whole number"),
        ],
    )
    def test_typed_wrongly_are_told_and_kept(
        self, client: Client, confirmed: Order, fields: dict[str, str], words: str
    ) -> None:
        answer = choose(client, confirmed, step="review", line_2="0", **fields)
        assert answer.status_code == 422
        assert words in text(answer)
        for value in fields.values():
            assert f'value="{value}"' in text(answer)

    def test_that_changed_meanwhile_are_shown_anew(self, client: Client, confirmed: Order) -> None:
        choose(client, confirmed, line_2="1", seen_1="0", seen_2="0", step="confirm")
        answer = choose(client, confirmed, line_1="1", seen_1="0", seen_2="0", step="confirm")
        assert answer.status_code == 409
        assert "has changed since" in text(answer)
        assert re.search(r'name="seen_2" value="1"', text(answer))

    def test_all_of_them_end_the_order(self, client: Client, confirmed: Order) -> None:
        shown = text(choose(client, confirmed, line_1="3", line_2="2", step="review"))
        assert "Cancel all that is left?" in shown
        fields = {"line_1": "3", "line_2": "2", "seen_1": "0", "seen_2": "0"}
        for _ in range(2):
            assert choose(client, confirmed, step="confirm", **fields).status_code == 302
        assert state(confirmed) == "cancelled"


class TestAddress:
    def test_changes_at_once(self, client: Client, confirmed: Order) -> None:
        assert "It is done at once" in page(client, confirmed, "change/address/")
        answer = client.post(f"{path(confirmed)}change/address/", LEEDS)
        assert answer.status_code == 302
        shown = page(client, confirmed)
        assert "Leeds" in shown
        assert "LS1 5HN" in shown

    def test_is_asked_for_at_the_warehouse(self, client: Client, confirmed: Order) -> None:
        submit(confirmed)
        assert "We ask our warehouse first" in page(client, confirmed, "change/address/")
        for _ in range(2):
            client.post(f"{path(confirmed)}change/address/", LEEDS)
        assert OrderCorrection.objects.count() == 1
        assert "it goes to the new address" in page(client, confirmed)

    def test_too_late_offers_a_return(
        self, client: Client, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        submit(confirmed)
        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))
        shown = page(client, confirmed, "change/address/")
        assert "cannot be changed now" in shown
        assert "/return/" in shown

    def test_typed_wrongly_is_told_and_kept(self, client: Client, confirmed: Order) -> None:
        answer = client.post(
            f"{path(confirmed)}change/address/", {**LEEDS, "city": "", "postal_code": "XX"}
        )
        assert answer.status_code == 422
        assert "Enter a town or city" in text(answer)
        assert "1 Park Row" in text(answer)

    def test_at_another_price_is_told_and_kept(self, client: Client, confirmed: Order) -> None:
        answer = client.post(
            f"{path(confirmed)}change/address/",
            {**LEEDS, "country": "FR", "postal_code": "75007"},
        )
        assert answer.status_code == 409
        assert "the price of this order is fixed" in text(answer)
        assert "1 Park Row" in text(answer)


class TestContact:
    def test_leads_on_to_the_new_link_and_ends_the_old_one(
        self, client: Client, confirmed: Order
    ) -> None:
        old = path(confirmed)
        answer = client.post(f"{old}change/contact/", {"email": "new@example.org"})
        assert answer.status_code == 302
        assert answer["Location"] == path(confirmed) != old
        assert client.get(old).status_code == 404
        assert "new@example.org" in page(client, confirmed)

    def test_typed_wrongly_is_told_and_kept(self, client: Client, confirmed: Order) -> None:
        answer = client.post(f"{path(confirmed)}change/contact/", {"email": "new(at)example"})
        assert answer.status_code == 422
        assert 'value="new(at)example"' in text(answer)
