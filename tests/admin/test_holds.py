"""Staff hold orders and release holds on the order's page, with a permission and a reason."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from globalmart.core.models import TimelineEntry
from orders.models import Order, OrderHold
from orders.services import holds
from orders.states import HoldKind
from payments.models import PaymentAttempt
from payments.services.disputes import apply_dispute
from tests import builders
from tests.payments.disputing import dispute


@pytest.fixture
def order(db: None) -> Order:
    builders.open_shop()
    builders.add_product()
    return builders.place()


def login(*codenames: str) -> Client:
    """A member of staff with these permissions alone."""
    user = User.objects.create(username="ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def client(db: None) -> Client:
    return login("view_order", "hold_order")


def address(order: Order, action: str) -> str:
    return reverse(f"admin:orders_order_{action}", args=[order.pk])


def page_of(client: Client, order: Order) -> str:
    return client.get(order.get_absolute_url()).content.decode()


def place(order: Order, kind: HoldKind = HoldKind.MANUAL) -> None:
    holds.place(
        order_id=order.pk, kind=kind, reason="looks odd", actor="system", now=timezone.now()
    )


class TestOrderPage:
    def test_shows_holds_with_their_reasons(self, client: Client, order: Order) -> None:
        assert "Nothing keeps this order" in page_of(client, order)

        place(order)

        page = page_of(client, order)
        assert "looks odd" in page
        assert "Release" in page

    def test_shows_them_without_buttons_to_others(self, order: Order) -> None:
        place(order)

        page = page_of(login("view_order"), order)

        assert "looks odd" in page
        assert address(order, "hold") not in page
        assert address(order, "release") not in page

    def test_has_no_form_inside_another(self, client: Client, order: Order) -> None:
        place(order)
        page = page_of(client, order)

        box = page.index('id="staff-holds"')
        assert page.rindex("</form>", 0, box) > page.rindex("<form", 0, box)
        assert page.index('id="order_form"') > box

    def test_shows_disputes_with_the_last_moment_for_evidence(
        self, client: Client, order: Order
    ) -> None:
        PaymentAttempt.objects.update(stripe_intent_id="pi_ada")
        answer = dispute("warning_needs_response")
        apply_dispute(answer=answer, actor="webhook", now=timezone.now())

        page = page_of(client, order)

        assert "dp_ada" in page
        assert "8 Mar 2026 12:00" in page


class TestHold:
    def test_is_placed_with_a_reason(self, client: Client, order: Order) -> None:
        answer = client.post(address(order, "hold"), {"reason": " asks to wait "}, follow=True)

        hold = OrderHold.objects.get()
        user = User.objects.get()
        assert (hold.kind, hold.reason, hold.placed_by) == (
            "manual",
            "asks to wait",
            f"staff:{user.pk}",
        )
        assert "The order is on hold" in answer.content.decode()
        assert TimelineEntry.objects.get(kind="hold.placed").actor == f"staff:{user.pk}"

    @pytest.mark.parametrize("reason", ["", "   ", "x" * 301, "a\x00b"])
    def test_wants_a_reason(self, client: Client, order: Order, reason: str) -> None:
        answer = client.post(address(order, "hold"), {"reason": reason}, follow=True)

        assert "Say why" in answer.content.decode()
        assert not OrderHold.objects.exists()

    def test_says_when_it_is_there_already(self, client: Client, order: Order) -> None:
        place(order)

        answer = client.post(address(order, "hold"), {"reason": "again"}, follow=True)

        assert "on such a hold already" in answer.content.decode()
        assert OrderHold.objects.count() == 1

    @pytest.mark.parametrize("codenames", [(), ("view_order",), ("hold_order",)])
    @pytest.mark.parametrize("action", ["hold", "release"])
    def test_and_release_are_closed_without_both_permissions(
        self, order: Order, codenames: tuple[str, ...], action: str
    ) -> None:
        place(order, HoldKind.FRAUD_WARNING)

        answer = login(*codenames).post(
            address(order, action), {"reason": "x", "kind": "fraud_warning"}
        )

        assert answer.status_code == 403
        assert list(OrderHold.objects.values_list("kind", "released_by")) == [("fraud_warning", "")]

    def test_takes_no_get(self, client: Client, order: Order) -> None:
        assert client.get(address(order, "hold")).status_code == 403

    def test_of_an_order_that_is_not_there_is_not_found(self, client: Client, db: None) -> None:
        answer = client.post(reverse("admin:orders_order_hold", args=[9]), {"reason": "x"})

        assert answer.status_code == 404

    def test_refuses_a_form_of_another_site(self, order: Order) -> None:
        login("view_order", "hold_order")
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(User.objects.get())

        answer = strict.post(address(order, "hold"), {"reason": "x"})

        assert answer.status_code == 403
        assert not OrderHold.objects.exists()


class TestRelease:
    def test_says_who_and_why(self, client: Client, order: Order) -> None:
        place(order, HoldKind.FRAUD_WARNING)

        client.post(address(order, "release"), {"kind": "fraud_warning", "reason": "known"})

        hold = OrderHold.objects.get()
        assert (hold.released_by, hold.release_reason) == (
            f"staff:{User.objects.get().pk}",
            "known",
        )

    def test_is_refused_for_lost_money(self, client: Client, order: Order) -> None:
        place(order, HoldKind.PAYMENT)

        answer = client.post(
            address(order, "release"), {"kind": "payment", "reason": "x"}, follow=True
        )

        assert "neither held nor captured" in answer.content.decode()
        assert OrderHold.objects.get().released_at is None

    @pytest.mark.parametrize("kind", ["", "whim", "manual"])
    def test_of_what_is_not_there_changes_nothing(
        self, client: Client, order: Order, kind: str
    ) -> None:
        place(order, HoldKind.FRAUD_WARNING)

        client.post(address(order, "release"), {"kind": kind, "reason": "x"})

        assert OrderHold.objects.get().released_at is None
