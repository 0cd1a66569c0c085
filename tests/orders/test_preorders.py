"""Goods that are still to come: charged with the order, or paid for when they are near."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format

from fulfillment.models import Fulfillment, Reservation, Stock
from fulfillment.queries import has_due_requests
from fulfillment.queries import list_stuck as list_stuck_requests
from globalmart.core.audit import run_audit
from globalmart.core.models import OutboxEvent, TimelineEntry
from notifications.models import Message
from notifications.services.rendering import render_mail
from orders import jobs
from orders.models import Order, Product
from orders.queries import tracking
from orders.queries.explanation import explain
from orders.queries.orders import has_uninvited, list_stuck
from orders.queries.payable import get_payable
from orders.queries.preorders import is_long_wait, latest_ahead, payment_timing, start_of
from orders.queries.recipients import get_recipient
from orders.queries.representation import represent
from orders.services import holds, lifecycle, payment
from orders.services.invitations import invite
from orders.states import HoldKind, PaymentTiming
from payments import gateways
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from tests import builders
from tests.payments.conftest import authorize, send
from tests.payments.fakes import FakeStripe

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


class TestIsLongWait:
    @pytest.mark.parametrize(
        ("ships_from", "now", "expected"),
        [
            (None, NOW, False),
            (date(2025, 12, 1), NOW, False),
            (date(2026, 1, 7), NOW, False),
            (date(2026, 1, 8), NOW, True),
            # Six days before the day begins, to the second.
            (date(2026, 1, 8), datetime(2026, 1, 2, 0, 0, tzinfo=UTC), False),
            (date(2026, 1, 8), datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC), True),
        ],
    )
    def test_begins_where_a_hold_might_end_too_soon(
        self, ships_from: date | None, now: datetime, expected: bool
    ) -> None:
        assert is_long_wait(ships_from=ships_from, now=now) is expected

    def test_decides_with_what_the_customer_was_told(self) -> None:
        near, far = date(2026, 1, 5), date(2026, 2, 1)
        timing = {
            (day, is_told): payment_timing(ships_from=day, is_told=is_told, now=NOW)
            for day in (None, near, far)
            for is_told in (True, False)
        }

        assert {key for key, value in timing.items() if value != "at_shipment"} == {
            (far, True),
            (far, False),
        }
        assert timing[far, True] == PaymentTiming.AT_ORDER
        assert timing[far, False] == PaymentTiming.BY_INVITATION


def test_the_latest_day_ahead_counts() -> None:
    today = date(2026, 1, 1)
    days = [None, date(2026, 1, 3), date(2026, 1, 2), date(2025, 1, 1)]

    assert latest_ahead(days, today=today) == date(2026, 1, 3)
    assert latest_ahead([None, today], today=today) is None


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> FakeStripe:
    fake = FakeStripe()
    monkeypatch.setattr(gateways, "current", lambda: fake)
    return fake


@pytest.fixture
def shop(db: None, stripe: FakeStripe) -> None:
    """Mugs that ship in thirty days, and cups that ship now."""
    builders.open_shop()
    builders.add_product("MUG")
    builders.add_product("CUP")
    ship_in(30)


def ship_in(days: int) -> None:
    day = timezone.localdate() + timedelta(days=days)
    Product.objects.filter(sku="MUG").update(ships_from=day)


def place(**changes: Any) -> Order:
    return builders.place({"MUG": 1, "CUP": 1}, **changes)


def fresh(order: Order) -> Order:
    return Order.objects.get(pk=order.pk)


def breaches() -> dict[str, int]:
    """What the audit finds."""
    findings = run_audit().findings
    return {found.invariant.path.name: found.count for found in findings if found.count}


@pytest.mark.django_db
@pytest.mark.usefixtures("shop")
class TestChargedAtOrder:
    def confirm(self) -> Order:
        order = place(charge_at_order=True)
        authorize(order)
        lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=timezone.now())
        return fresh(order)

    def test_captures_all_at_once_and_only_once(self) -> None:
        order = self.confirm()
        send(order, "capture")
        lifecycle.record_capture(order_id=order.pk, now=timezone.now())
        lifecycle.record_shipment(order_id=order.pk, now=timezone.now())

        assert order.payment_timing == PaymentTiming.AT_ORDER
        assert PaymentOperation.objects.filter(kind="capture").count() == 1
        assert OrderAccount.objects.get().captured_minor == order.total_minor

    def test_reserves_for_its_day(self) -> None:
        order = self.confirm()

        days = Reservation.objects.values_list("promised_on", flat=True)
        assert set(days) == {order.ships_from}

    def test_goes_to_the_warehouse_on_its_day_and_alarms_nobody_before(self) -> None:
        order = self.confirm()
        request = Fulfillment.objects.get()
        assert order.ships_from is not None
        day = start_of(order.ships_from)

        assert (request.state, request.due_at) == ("ready", day)
        for now in (day - timedelta(seconds=1), timezone.now() + DAY):
            assert not has_due_requests(now=now)
            assert not list_stuck_requests(now=now)
            assert not list_stuck(now=now)
        assert has_due_requests(now=day)
        assert list_stuck_requests(now=day + timedelta(minutes=16))
        assert list_stuck(now=day + timedelta(minutes=61))

    def test_waits_for_its_day_after_a_hold_too(self) -> None:
        order = self.confirm()
        words = {"order_id": order.pk, "kind": HoldKind.MANUAL, "reason": "x", "actor": "staff:1"}
        holds.place(**words, now=timezone.now())
        holds.release(**words, now=timezone.now())

        assert Fulfillment.objects.get().due_at == order.waits_until

    def test_changes_nothing_where_the_goods_are_here(self) -> None:
        order = builders.place({"CUP": 1}, charge_at_order=True)
        authorize(order)
        lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=timezone.now())

        assert not PaymentOperation.objects.filter(kind="capture").exists()
        assert not list_stuck_requests(now=timezone.now())
        assert has_due_requests(now=timezone.now())


@pytest.mark.django_db
@pytest.mark.usefixtures("shop")
class TestInvited:
    def test_is_placed_without_attempt_hold_or_deadline(self) -> None:
        order = place()

        assert (order.state, order.payment_due_at) == ("pending_payment", None)
        assert not PaymentAttempt.objects.exists()
        assert OrderAccount.objects.get().due_minor == order.total_minor
        assert Stock.objects.get(sku="MUG").reserved == 1
        (body,) = represent([order])
        assert body["payment_status"] == "unpaid"
        assert body["ships_from"] == str(timezone.localdate() + 30 * DAY)
        assert "pay_url" not in body

    def test_cannot_be_paid_before(self) -> None:
        order = place()

        assert not get_payable(order=order).is_open
        with pytest.raises(payment.NotPayable):
            payment.start_browser_payment(order_id=order.pk, now=timezone.now())
        assert "send you a link to pay" in tracking.track(order=order, now=timezone.now()).detail

    def test_is_invited_once_when_the_goods_are_near(self) -> None:
        order = place()
        jobs.invite_to_pay()
        assert fresh(order).payment_due_at is None

        ship_in(3)
        assert has_uninvited(now=timezone.now())
        for _ in range(2):
            jobs.invite_to_pay()

        invited = fresh(order)
        assert invited.payment_due_at is not None
        left = invited.payment_due_at - timezone.now()
        assert timedelta(hours=47) < left <= timedelta(hours=48)
        assert invited.ships_from == timezone.localdate() + 3 * DAY
        assert get_payable(order=invited).is_open
        assert "pay_url" in represent([invited])[0]
        assert OutboxEvent.objects.filter(name="order.payment_invited").count() == 1
        assert TimelineEntry.objects.filter(kind="order.payment_invited").count() == 1
        assert not has_uninvited(now=timezone.now())

    def test_waits_while_one_of_its_products_is_far_off(self) -> None:
        order = place()
        ship_in(4)

        assert not invite(order_id=order.pk, now=timezone.now())
        # Three days before the day begins: midnight.
        midnight = start_of(timezone.localdate() + DAY)
        assert not has_uninvited(now=midnight - timedelta(seconds=1))
        assert has_uninvited(now=midnight)

    def test_expires_unpaid_and_gives_the_stock_back(self) -> None:
        order = place()
        ship_in(0)
        jobs.invite_to_pay()
        Order.objects.update(payment_due_at=timezone.now() - DAY)
        jobs.expire_unpaid()

        assert fresh(order).state == "expired"
        assert not Stock.objects.exclude(reserved=0).exists()
        assert breaches() == {}

    def test_is_confirmed_by_its_payment(self) -> None:
        order = place()
        ship_in(2)
        jobs.invite_to_pay()
        payment.start_browser_payment(order_id=order.pk, now=timezone.now())
        attempt = PaymentAttempt.objects.get()
        PaymentAttempt.objects.update(state="authorized", authorized_minor=attempt.amount_minor)
        lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=timezone.now())

        assert fresh(order).state == "confirmed"
        assert Fulfillment.objects.get().due_at == start_of(timezone.localdate() + 2 * DAY)

    def test_alarms_nobody_before_its_day_or_its_deadline(self) -> None:
        order = place()
        assert order.waits_until is not None
        assert not list_stuck(now=order.waits_until)
        assert list_stuck(now=order.waits_until + timedelta(hours=3))

        Order.objects.update(state_changed_at=timezone.now() - 27 * DAY)
        assert breaches() == {}
        ship_in(3)
        jobs.invite_to_pay()
        assert not list_stuck(now=timezone.now() + timedelta(hours=48))
        assert breaches() == {}

        Order.objects.update(waits_until=timezone.now() - DAY)
        assert breaches().keys() == {"i07_orders_within_age.sql"}

    def test_is_explained(self) -> None:
        found = explain(number=place().number)

        assert found is not None
        assert found.differences == []
        assert [each.what for each in found.coming] == ["send the customer a link to pay"]

    def test_is_the_only_order_without_a_deadline(self) -> None:
        order = builders.place({"CUP": 1})

        refused = pytest.raises(IntegrityError, match="only_invited_wait_without_deadline")
        with refused, transaction.atomic():
            Order.objects.filter(pk=order.pk).update(payment_due_at=None)

    def test_shows_staff_what_it_waits_for(self, admin_client: Client) -> None:
        page = admin_client.get(place().get_absolute_url()).content.decode()

        assert "The customer gets a link to pay when the goods are near" in page
        assert f"Ships from {date_format(timezone.localdate() + 30 * DAY, 'j M Y')}" in page

    def test_is_written_to_with_the_link(self) -> None:
        order = place()
        ship_in(3)
        jobs.invite_to_pay()
        who = get_recipient(order_id=order.pk)
        message = Message(order=order, kind="payment_invited", channel="email")

        mail = render_mail(message=message, who=who)

        assert mail.subject == f"Your order {order.number} is nearly here: please pay for it"
        assert who.payment_due_at is not None
        for text in (mail.text, mail.html):
            assert f"{who.order_url}pay/" in text
            assert f"{who.payment_due_at:%H:%M} UTC" in text
            assert "£21.95" in text
        assert "Follow your order" not in mail.html
