"""Staff cancel orders and choose for customers, with a permission, and once."""

from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from globalmart.core.models import TimelineEntry
from orders.admin import cancelling as boxes
from orders.models import Order, OrderCancellation, OrderHold, OrderShortage
from orders.services import cancelling, holds
from orders.states import CancellationState, CorrectionState, HoldKind, ShortageState
from tests.admin.test_holds import login, page_of
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.orders.conftest import confirmed, placed, shop, stripe, warehouse  # noqa: F401
from tests.orders.house import leave, now, pay, state, submit

# ruff: noqa: F811 - fixtures of the orders' tests


@pytest.fixture
def client(db: None) -> Client:
    return login("view_order", "cancel_order", "settle_shortage", "hold_order")


def cancel(client: Client, order: Order, reason: str = "asked by phone") -> str:
    address = reverse("admin:orders_order_cancel", args=[order.pk])
    return client.post(address, {"reason": reason}, follow=True).content.decode()


class TestCancel:
    def test_is_shown_with_what_it_would_do(self, client: Client, confirmed: Order) -> None:
        page = page_of(client, confirmed)
        assert "1 request not sent yet ends at once" in page
        assert "£36.95 held" in page

        submit(confirmed)
        assert "asked to stop 1" in page_of(client, confirmed)

    def test_is_done_once_however_often_it_is_pressed(
        self, client: Client, confirmed: Order
    ) -> None:
        assert "The order is cancelled." in cancel(client, confirmed)
        assert "cancelled already" in cancel(client, confirmed)

        assert state(confirmed) == "cancelled"
        assert OrderCancellation.objects.get().requested_by.startswith("staff:")
        assert TimelineEntry.objects.filter(kind="order.cancelled").count() == 1

    def test_is_no_error_where_another_was_first(
        self, client: Client, confirmed: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def read_before_the_other(*_: object) -> Order:
            order = Order.objects.get(pk=confirmed.pk)
            cancelling.request_cancellation(
                order_id=order.pk, reason="the other one", actor="staff:1", now=now()
            )
            return order

        monkeypatch.setattr(boxes, "_order", read_before_the_other)

        assert "cancelled already" in cancel(client, confirmed)

    def test_may_be_done_in_a_dispute(self, client: Client, confirmed: Order) -> None:
        holds.place(
            order_id=confirmed.pk, kind=HoldKind.DISPUTE, reason="x", actor="system", now=now()
        )
        cancel(client, confirmed)
        assert state(confirmed) == "cancelled"

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 201])
    def test_wants_a_reason(self, client: Client, confirmed: Order, reason: str) -> None:
        assert "Say why" in cancel(client, confirmed, reason)
        assert not OrderCancellation.objects.exists()

    @pytest.mark.parametrize("codenames", [(), ("view_order",), ("cancel_order",)])
    def test_is_closed_without_both_permissions(
        self, confirmed: Order, codenames: tuple[str, ...]
    ) -> None:
        address = reverse("admin:orders_order_cancel", args=[confirmed.pk])
        assert login(*codenames).post(address, {"reason": "x"}).status_code == 403
        assert state(confirmed) == "confirmed"

    def test_takes_no_get(self, client: Client, confirmed: Order) -> None:
        address = reverse("admin:orders_order_cancel", args=[confirmed.pk])
        assert client.get(address).status_code == 403


class TestChoose:
    @pytest.fixture
    def short(self, confirmed: Order, warehouse: FakeWarehouse) -> OrderShortage:
        submit(confirmed)
        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=1), CUP=2)
        return OrderShortage.objects.get()

    def choose(self, client: Client, row: OrderShortage, choice: str) -> str:
        order = row.line.order
        address = reverse("admin:orders_order_shortage", args=[order.pk, row.pk])
        return client.post(address, {"choice": choice}, follow=True).content.decode()

    def test_is_made_for_the_customer(self, client: Client, short: OrderShortage) -> None:
        assert "Missing goods" in page_of(client, short.line.order)

        assert "Chosen." in self.choose(client, short, "cancel")
        assert "chosen already" in self.choose(client, short, "cancel")
        pay()

        short.refresh_from_db()
        assert short.state == "cancelled"
        assert short.chosen_by.startswith("staff:")
        assert state(short.line.order) == "completed"

    def test_refuses_nonsense(self, client: Client, short: OrderShortage) -> None:
        assert "no choice" in self.choose(client, short, "whim")

    def test_is_closed_without_the_permission(self, short: OrderShortage) -> None:
        order = short.line.order
        address = reverse("admin:orders_order_shortage", args=[order.pk, short.pk])
        answer = login("view_order", "cancel_order").post(address, {"choice": "wait"})
        assert answer.status_code == 403


class TestHoldForm:
    def test_says_owner_end_and_what_it_stops(self, client: Client, confirmed: Order) -> None:
        address = reverse("admin:orders_order_hold", args=[confirmed.pk])
        said = {
            "reason": "asks to wait",
            "owner": "service",
            "expires_at": "2099-01-02T10:30",
            "blocks": "changes",
        }
        client.post(address, said)

        hold = OrderHold.objects.get()
        assert (hold.owner, hold.blocks) == ("service", "changes")
        assert hold.expires_at is not None
        assert hold.expires_at.isoformat() == "2099-01-02T10:30:00+00:00"

    def test_refuses_an_end_that_is_past(self, client: Client, confirmed: Order) -> None:
        address = reverse("admin:orders_order_hold", args=[confirmed.pk])
        answer = client.post(
            address, {"reason": "x", "expires_at": "2001-01-02T10:30"}, follow=True
        )
        assert "That end cannot be" in answer.content.decode()
        assert not OrderHold.objects.exists()


@pytest.mark.parametrize(
    "name", [*CancellationState.values, *CorrectionState.values, *ShortageState.values]
)
def test_each_state_has_a_color_by_day_and_by_night(name: str) -> None:
    found = finders.find("core/staff.css")
    assert isinstance(found, str)
    rules = Path(found).read_text().split("}")
    colored = [rule.split("{")[0].split(",") for rule in rules if "background" in rule]
    names = {each.strip() for selectors in colored for each in selectors}
    assert {f".staff-{name}", f".dark .staff-{name}"} <= names
