"""What a customer reads; what a name can do in it."""

from uuid import UUID

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from fulfillment.models import Fulfillment
from fulfillment.services import shipments
from fulfillment.services.stock import commit_reservations
from globalmart.core.timeline import record
from notifications.models import Message
from notifications.services.rendering import Mail, render_mail, render_sms
from orders.links import order_url
from orders.models import Order, OrderLine, OrderShortage
from orders.queries.cancellations import PART_LEFT
from orders.queries.recipients import get_recipient
from tests.fulfillment.conftest import open_request
from tests.fulfillment.fakes import FakeWarehouse, parcel

NASTY = '<b onclick="x">Ada & {{ order }}</b>'


def confirmed(order: Order) -> Mail:
    message = Message(event_id=UUID(int=7), order=order, kind="order_confirmed", channel="email")
    return render_mail(message=message, who=get_recipient(order_id=order.pk))


@pytest.fixture
def dispatched(order: Order) -> Message:
    """The message about a parcel with two mugs."""
    commit_reservations(order_id=order.pk)
    row = open_request(order)
    Fulfillment.objects.update(state="accepted", first_sent_at=timezone.now())
    found = FakeWarehouse().show(row.reference, "shipped", parcel(MUG=2))
    shipments.record(warehouse_id=row.warehouse_id, found=found)
    data = {"shipment_id": row.shipments.get().pk}
    return Message(order=order, kind="shipment_dispatched", channel="email", data=data)


class TestRenderMail:
    def test_confirms_number_lines_sums_and_address(self, order: Order) -> None:
        mail = confirmed(order)

        assert mail.subject == f"Your order {order.number} is confirmed"
        for text in (mail.text, mail.html):
            for wanted in (order.number, "Mug of stoneware", "£18.00", "£3.95", "£21.95", "SW1Y"):
                assert wanted in text
            assert order_url(order) in text

    def test_tells_of_a_parcel_with_its_tracking(self, order: Order, dispatched: Message) -> None:
        mail = render_mail(message=dispatched, who=get_recipient(order_id=order.pk))

        for text in (mail.text, mail.html):
            for wanted in ("Royal Mail", "RM-P-1", "https://track.example/RM", "Mug of stoneware"):
                assert wanted in text

    def test_escapes_names_in_html_and_leaves_them_in_text(self, order: Order) -> None:
        Order.objects.update(name=NASTY, shipping_address={"name": NASTY})
        OrderLine.objects.update(name=NASTY)

        mail = confirmed(order)

        assert "<b onclick" not in mail.html
        assert mail.html.count("&lt;b onclick=&quot;x&quot;&gt;Ada &amp; {{ order }}") == 3
        assert mail.text.count(NASTY) == 3
        assert "&lt;" not in mail.text

    def test_keeps_the_subject_on_one_line(self, order: Order) -> None:
        assert "\n" not in confirmed(order).subject

    def test_asks_for_no_more_than_it_shows(
        self, order: Order, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_max_num_queries(3):  # order, lines, discounts
            confirmed(order)


class TestWhatWasCancelledOrIsMissing:
    def mail(self, order: Order, kind: str) -> Mail:
        message = Message(event_id=UUID(int=8), order=order, kind=kind, channel="email")
        return render_mail(message=message, who=get_recipient(order_id=order.pk))

    def test_a_cancelled_order_says_what_becomes_of_the_money(self, order: Order) -> None:
        mail = self.mail(order, "order_cancelled")
        assert mail.subject == f"Your order {order.number} is cancelled"
        for text in (mail.text, mail.html):
            assert "free again in a few days" in text
            assert order_url(order) in text

    def test_what_had_left_says_whether_all_of_it_had(self, order: Order) -> None:
        assert "A part of it was stopped" not in self.mail(order, "cancellation_rejected").text
        OrderLine.objects.update(cancelled=1, allocated=1)
        assert "A part of it was stopped" not in self.mail(order, "cancellation_rejected").text
        record(
            subject_type="order",
            subject_id=order.pk,
            kind="cancellation.rejected",
            actor="system",
            reason=PART_LEFT,
        )
        for text in (
            self.mail(order, "cancellation_rejected").text,
            self.mail(order, "cancellation_rejected").html,
        ):
            assert "A part of it was stopped" in text
            assert "refuse the parcel" in text

    def test_missing_goods_are_named_with_the_link_to_choose(self, order: Order) -> None:
        now = timezone.now()
        OrderShortage.objects.create(
            line=order.lines.get(),
            fulfillment_id=1,
            quantity=2,
            opened_at=now,
            state_changed_at=now,
        )
        mail = self.mail(order, "goods_short")
        for text in (mail.text, mail.html):
            assert "Mug of stoneware" in text
            assert f"{order_url(order)}missing/" in text

    def test_a_parcel_names_what_was_sent_instead(self, order: Order) -> None:
        now = timezone.now()
        OrderShortage.objects.create(
            line=order.lines.get(),
            fulfillment_id=1,
            quantity=1,
            state="substituted",
            substitute_sku="BOWL",
            substitute_name="Bowl of stoneware",
            chosen_by="customer",
            opened_at=now,
            state_changed_at=now,
        )
        names = get_recipient(order_id=order.pk).names
        assert names == {"MUG": "Mug of stoneware", "BOWL": "Bowl of stoneware"}


class TestRenderSms:
    def test_is_short_and_has_the_link(self, order: Order, dispatched: Message) -> None:
        text = render_sms(message=dispatched, who=get_recipient(order_id=order.pk))

        assert text.startswith(f"GlobalMart: order {order.number} is on its way")
        assert order_url(order) in text
        assert len(text) < 320
