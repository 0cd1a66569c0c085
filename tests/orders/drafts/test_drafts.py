"""Orders by telephone: noted, priced, placed once, and paid by a link."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.test import Client

from fulfillment.models import Reservation, Stock
from globalmart.core.models import OutboxEvent, TimelineEntry
from orders import links
from orders.models import Order, OrderDraft, Price, Voucher
from orders.queries import tracking
from orders.services import correcting, drafts, lifecycle, payment
from orders.services.cancelling import CannotCancel, request_units
from orders.services.correcting import CannotCorrect
from orders.services.drafts import DraftChanged, NoDraft, Wanted
from orders.services.refunds import Selection, request_refund
from orders.services.submissions import Item, NoLines, TotalChanged
from payments.models import OrderAccount, PaymentAttempt
from payments.services.refund_books import RefundRefused
from payments.services.refunds import Reason
from tests.builders import LONDON
from tests.orders.house import carry, now, state
from tests.orders.services.test_cancelling import sound
from tests.payments.fakes import FakeStripe

STAFF = "staff:7"


def wanted(**changes: object) -> Wanted:
    said = {
        "currency": "GBP",
        "items": (Item("MUG", 2), Item("CUP", 1)),
        "email": "ada@example.com",
        "name": "Ada Lovelace",
        "address": LONDON.as_dict(),
        "shipping_method": "standard",
    }
    return Wanted(**{**said, **changes})  # type: ignore[arg-type]


def save(key: UUID | None = None, version: int | None = None, **changes: object) -> Order:
    return drafts.save_draft(
        key=key or uuid4(), wanted=wanted(**changes), actor=STAFF, now=now(), version=version
    )


def submit(order: Order, expected_minor: int | None = None) -> Order:
    return drafts.submit_draft(
        order_id=order.pk,
        expected_total_minor=order.total_minor if expected_minor is None else expected_minor,
        actor=STAFF,
        now=now(),
    )


def kinds(order: Order) -> list[tuple[str, str, str]]:
    rows = TimelineEntry.objects.filter(subject_type="order", subject_id=order.pk).order_by("id")
    return [(row.kind, row.after, row.actor) for row in rows]


@pytest.mark.usefixtures("shop")
class TestDraft:
    def test_is_priced_and_promises_nothing(self) -> None:
        order = save()

        assert (order.state, order.total_minor) == ("draft", 2 * 900 + 500 + 395)
        assert [line.allocated for line in order.lines.all()] == [0, 0]
        assert not Reservation.objects.exists()
        assert not OrderAccount.objects.exists()
        sound()

    def test_may_be_empty_yet(self) -> None:
        order = save(items=(), email="", name="", address={"country": "GB"})

        assert order.total_minor == 0
        sound()

    def test_is_one_for_one_key(self) -> None:
        key = uuid4()
        first = save(key)
        again = save(key, first.version, items=(Item("MUG", 1),))

        assert first.pk == again.pk
        assert Order.objects.get().total_minor == 900 + 395
        assert [(line.sku, line.quantity) for line in again.lines.all()] == [("MUG", 1)]

    def test_is_not_overwritten_unseen(self) -> None:
        key = uuid4()
        read = save(key).version
        written = save(key, read, note="by somebody else").version

        for seen in (read, None):
            with pytest.raises(DraftChanged) as told:
                save(key, seen)
            assert told.value.version == written
        assert OrderDraft.objects.get().note == "by somebody else"

    def test_sent_twice_says_the_same(self) -> None:
        key = uuid4()
        read = save(key).version
        for seen in (None, read, read):
            save(key, seen, items=(Item("CUP", 1), Item("MUG", 2)))

    def test_shows_its_customer_nothing(self, client: Client) -> None:
        order = save()

        assert client.get(links.order_path(order)).status_code == 404
        assert tracking.find_order(number=order.number, email=order.email) is None

    def test_discarded_stays_unseen_and_tells_nobody(self, client: Client) -> None:
        order = save()

        assert drafts.discard_draft(order_id=order.pk, actor=STAFF, now=now())
        assert not drafts.discard_draft(order_id=order.pk, actor=STAFF, now=now())
        assert state(order) == "cancelled"
        assert client.get(links.order_path(order)).status_code == 404
        names = list(OutboxEvent.objects.values_list("name", flat=True))
        assert names == ["order.draft_discarded"]
        with pytest.raises(NoDraft):
            save(order.draft.key)
        with pytest.raises(NoDraft):
            submit(order)
        sound()

    def test_discarded_keeps_no_voucher(self) -> None:
        Voucher.objects.create(code="SHIP", kind="free_shipping")
        order = save(voucher="SHIP")

        drafts.discard_draft(order_id=order.pk, actor=STAFF, now=now())

        assert order.discounts.get().code == "SHIP"
        sound()


@pytest.mark.usefixtures("shop")
class TestSubmit:
    def test_reserves_stock_and_sends_the_link(self, client: Client) -> None:
        order = submit(save())

        assert state(order) == "pending_payment"
        assert Stock.objects.get(sku="MUG").reserved == 2
        assert [line.allocated for line in order.lines.order_by("sku")] == [1, 2]
        assert order.payment_due_at is not None
        assert order.payment_due_at - order.created_at == timedelta(hours=48)
        assert kinds(order) == [
            ("order.draft", "draft", STAFF),
            ("order.pending_payment", "pending_payment", STAFF),
        ]
        assert list(OutboxEvent.objects.order_by("id").values_list("name", flat=True)) == [
            "order.placed",
            "order.pay_link_sent",
        ]
        assert client.get(f"{links.order_path(order)}pay/").status_code == 200
        sound()

    def test_twice_is_one_order(self) -> None:
        order = save()
        submit(order)
        submit(order)

        assert OrderAccount.objects.count() == 1
        assert Stock.objects.get(sku="MUG").reserved == 2

    def test_goes_all_the_way_to_paid(self, stripe: FakeStripe) -> None:
        order = submit(save())

        page = payment.start_browser_payment(order_id=order.pk, now=now())
        assert (page.amount_minor, page.client_secret is not None) == (order.total_minor, True)
        attempt = PaymentAttempt.objects.get()
        stripe.set(attempt.stripe_intent_id or "", "requires_capture")
        payment.settle_return(attempt_uuid=attempt.uuid, now=now())
        carry()

        assert state(order) == "confirmed"
        sound()

    def test_tells_of_another_price_first(self) -> None:
        order = save()
        Price.objects.filter(product__sku="MUG").update(amount_minor=1000)

        with pytest.raises(TotalChanged) as told:
            submit(order)
        assert told.value.total_minor == order.total_minor + 200
        assert state(order) == "draft"

        assert submit(order, told.value.total_minor).total_minor == told.value.total_minor

    def test_needs_something_to_send(self) -> None:
        with pytest.raises(NoLines):
            submit(save(items=()))

    def test_ends_unpaid_like_any_order(self) -> None:
        order = submit(save())
        later = now() + timedelta(hours=49)
        lifecycle.expire_order(order_id=order.pk, now=later)

        assert state(order) == "expired"
        assert Stock.objects.get(sku="MUG").reserved == 0


@pytest.mark.usefixtures("shop")
class TestWhatWasNeverPlaced:
    @pytest.fixture(params=["draft", "discarded"])
    def draft(self, request: pytest.FixtureRequest) -> Order:
        order = save()
        if request.param == "discarded":
            drafts.discard_draft(order_id=order.pk, actor=STAFF, now=now())
        return order

    def test_is_not_changed_as_an_order(self, draft: Order) -> None:
        said = {"order_id": draft.pk, "actor": STAFF, "now": now()}
        new = {"email": "b@example.com", "phone": "", "wants_sms": False}
        with pytest.raises(CannotCorrect):
            correcting.correct_contact(**said, **new)  # type: ignore[arg-type]
        with pytest.raises(CannotCorrect):
            correcting.correct_address(**said, address={**LONDON.as_dict(), "city": "Leeds"})
        with pytest.raises(CannotCancel):
            request_units(**said, units={1: 1}, reason="too many")

    def test_has_no_money_to_give_back(self, draft: Order) -> None:
        with pytest.raises(RefundRefused, match="Nothing was captured"):
            request_refund(
                order_id=draft.pk,
                selection=Selection(amount_minor=100),
                reason=Reason.GOODWILL,
                requested_by=STAFF,
                now=now(),
            )
