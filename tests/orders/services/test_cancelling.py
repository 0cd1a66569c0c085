"""A whole order is cancelled by how far it has come; what has left wins, and money follows."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from fulfillment.gateways.wms import CancelAnswer, OutcomeUnknown
from fulfillment.models import Fulfillment, Reservation, Stock
from fulfillment.services import dead_letters
from fulfillment.services.stock import adjust, ensure_warehouse
from globalmart.core.audit import run_audit
from globalmart.core.models import Alert, OutboxEvent, TimelineEntry
from orders import jobs
from orders.models import Order, OrderCancellation, OrderHold
from orders.queries import cancellations
from orders.queries.payable import get_payable
from orders.services import cancelling, holds, lifecycle
from orders.services.cancelling import CannotCancel
from orders.services.payment import NotPayable, _ensure_attempt
from orders.states import HoldKind
from payments.gateways.intents import Answer, Outcome
from payments.models import PaymentAttempt, Refund
from payments.services.planning import plan_capture
from payments.services.refunds import (
    Part,
    PartKind,
    Reason,
    approve_refund,
    cancel_refund,
    request_refund,
)
from tests import builders
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.fulfillment.working import work
from tests.orders.house import carry, leave, money, now, pay, state, submit, units
from tests.payments.conftest import attempt_of, send
from tests.payments.fakes import FakeStripe

CUSTOMER, STAFF = "customer", "staff:1"


def cancel(order: Order, actor: str = CUSTOMER) -> OrderCancellation:
    return cancelling.request_cancellation(
        order_id=order.pk, reason="changed their mind", actor=actor, now=now()
    )


def wish(order: Order) -> str:
    return OrderCancellation.objects.get(order=order).state


def told(name: str) -> int:
    return OutboxEvent.objects.filter(name=name).count()


def reserved() -> int:
    return sum(Stock.objects.values_list("reserved", flat=True))


def sound() -> None:
    """Every invariant holds."""
    found = [each for each in run_audit(books="").findings if each.count or each.error]
    assert [(each.invariant.path.name, each.rows, each.error) for each in found] == []


class TestUnpaid:
    def test_ends_at_once_where_stripe_never_heard_of_it(self, placed: Order) -> None:
        cancel(placed)

        assert (state(placed), wish(placed), reserved()) == ("cancelled", "accepted", 0)
        assert told("order.cancelled") == 1
        sound()

    def test_ends_only_when_its_payment_was_seen_cancelled(
        self, placed: Order, stripe: FakeStripe
    ) -> None:
        send(placed, "create")
        cancel(placed)
        assert (state(placed), wish(placed)) == ("pending_payment", "requested")
        assert reserved() == 5

        pay()
        assert (state(placed), wish(placed), reserved()) == ("cancelled", "accepted", 0)
        assert stripe.methods().count("cancel") == 1
        sound()

    def test_is_not_confirmed_by_money_that_comes_meanwhile(
        self, placed: Order, stripe: FakeStripe
    ) -> None:
        send(placed, "create")
        cancel(placed)
        send(placed, "confirm")
        lifecycle.confirm_order(order_id=placed.pk, actor="stripe", now=now())
        assert state(placed) == "pending_payment"

        pay()

        assert (state(placed), wish(placed)) == ("cancelled", "accepted")
        assert attempt_of(placed).state == "cancelled"
        assert not Fulfillment.objects.exists()
        sound()

    def test_is_not_to_be_paid_meanwhile(self, placed: Order) -> None:
        send(placed, "create")
        PaymentAttempt.objects.update(mode="browser", state="requires_action")
        placed.refresh_from_db()
        assert get_payable(order=placed).is_open
        cancel(placed)

        assert wish(placed) == "requested"
        assert not get_payable(order=placed).is_open
        assert not PaymentAttempt.objects.filter(state="cancelled").exists()
        with pytest.raises(NotPayable):
            _ensure_attempt(order_id=placed.pk, now=now())

    def test_does_not_expire_instead(self, placed: Order, stripe: FakeStripe) -> None:
        send(placed, "create")
        cancel(placed)
        Order.objects.update(payment_due_at=now() - timedelta(minutes=1))
        jobs.expire_unpaid()
        assert state(placed) == "pending_payment"

        pay()
        assert state(placed) == "cancelled"

    def test_gives_back_what_was_captured_behind_our_back(
        self, placed: Order, stripe: FakeStripe
    ) -> None:
        send(placed, "create")
        send(placed, "confirm")
        intent_id = attempt_of(placed).stripe_intent_id or ""
        cancel(placed)
        stripe.set(intent_id, "succeeded", received=placed.total_minor)

        pay()

        assert state(placed) == "cancelled"
        assert Refund.objects.get().amount_minor == placed.total_minor
        assert Refund.objects.get().reason == "cancelled"
        sound()


class TestNotSent:
    def test_ends_at_once_and_lets_the_hold_go(self, confirmed: Order) -> None:
        cancel(confirmed)
        assert (state(confirmed), wish(confirmed)) == ("cancelled", "accepted")

        pay()
        assert money(confirmed) == (3695, 0, 0, 0)
        assert units(confirmed) == [("CUP", 3, 0, 3), ("MUG", 2, 0, 2)]
        assert reserved() == 0
        assert attempt_of(confirmed).state == "cancelled"
        sound()

    def test_refunds_what_was_charged_with_the_order(self, confirmed: Order) -> None:
        plan_capture(order_id=confirmed.pk, now=now())
        pay()
        cancel(confirmed)
        pay()

        assert money(confirmed) == (3695, 3695, 3695, 3695)
        assert Refund.objects.get().reason == "cancelled"
        sound()

    def test_tells_whoever_refuses_to_give_it_back(self, confirmed: Order) -> None:
        plan_capture(order_id=confirmed.pk, now=now())
        pay()
        cancel(confirmed)
        carry()
        refund = Refund.objects.get()
        cancel_refund(refund_id=refund.pk, cancelled_by="staff:2", reason="no", now=now())
        pay()

        alert = Alert.objects.get(kind="refund_owed", closed_at=None)
        assert "an order that has ended" in alert.detail
        request_refund(
            order_id=confirmed.pk,
            items=[Part(PartKind.AMOUNT, 3695)],
            reason=Reason.CANCELLED,
            requested_by="staff:1",
            now=now(),
        )
        approve_refund(refund_id=Refund.objects.latest("pk").pk, approved_by="staff:3", now=now())
        pay()
        assert not Alert.objects.filter(kind="refund_owed", closed_at=None).exists()
        sound()

    def test_gives_a_capture_back_that_was_on_its_way(
        self, confirmed: Order, stripe: FakeStripe
    ) -> None:
        plan_capture(order_id=confirmed.pk, now=now())
        stripe.lost["capture"] = 1
        send(confirmed, "capture")
        cancel(confirmed)
        assert state(confirmed) == "cancelled"

        pay()

        assert money(confirmed) == (3695, 3695, 3695, 3695)
        sound()

    def test_lets_a_hold_go_whose_capture_failed_on_its_way(
        self, confirmed: Order, stripe: FakeStripe
    ) -> None:
        plan_capture(order_id=confirmed.pk, now=now())
        stripe.instead["capture"].append(Answer(Outcome.UNKNOWN, code="timeout"))
        send(confirmed, "capture")
        cancel(confirmed)
        stripe.instead["capture"].append(Answer(Outcome.DECLINED, code="insufficient_funds"))

        pay()

        assert attempt_of(confirmed).state == "cancelled"
        assert money(confirmed)[1:] == (0, 0, 0)

    def test_can_be_ended_while_all_of_it_is_on_back_order(self, placed: Order) -> None:
        Reservation.objects.update(state="backordered", backordered_at=now())
        Stock.objects.update(reserved=0)
        pay()
        lifecycle.confirm_order(order_id=placed.pk, actor="stripe", now=now())
        assert not Fulfillment.objects.exists()

        cancel(placed)

        assert (state(placed), wish(placed)) == ("cancelled", "accepted")
        assert set(Reservation.objects.values_list("state", flat=True)) == {"released"}


class TestAtTheWarehouse:
    @pytest.fixture
    def accepted(self, confirmed: Order) -> Order:
        submit(confirmed)
        assert state(confirmed) == "in_fulfillment"
        return confirmed

    def test_waits_for_its_word(self, accepted: Order, warehouse: FakeWarehouse) -> None:
        cancel(accepted)
        assert (state(accepted), wish(accepted)) == ("in_fulfillment", "requested")
        assert money(accepted)[1] == 3695

        submit(accepted)
        pay()
        assert (state(accepted), wish(accepted)) == ("cancelled", "accepted")
        assert warehouse.cancelled == [(f"{accepted.number}-1", "changed their mind")]
        assert money(accepted)[1:] == (0, 0, 0)
        sound()

    def test_goes_on_waiting_where_no_answer_comes(
        self, accepted: Order, warehouse: FakeWarehouse
    ) -> None:
        warehouse.cancel_answers.append(OutcomeUnknown("timeout"))
        cancel(accepted)
        submit(accepted)

        assert (state(accepted), wish(accepted)) == ("in_fulfillment", "requested")
        late = now() + timedelta(hours=3)
        assert [found.kind for found in cancellations.list_stuck(now=late)] == [
            "cancellation_stuck"
        ]
        assert cancellations.list_stuck(now=now()) == []

    def test_too_late_goes_on_as_before(self, accepted: Order, warehouse: FakeWarehouse) -> None:
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        cancel(accepted)
        submit(accepted)

        assert (state(accepted), wish(accepted)) == ("in_fulfillment", "rejected")
        assert told("order.cancellation_rejected") == 1
        entry = TimelineEntry.objects.get(kind="cancellation.rejected")
        assert entry.reason == "all of it had left"
        with pytest.raises(CannotCancel):
            cancel(accepted)

        leave(warehouse, f"{accepted.number}-1", parcel(MUG=2, CUP=3))
        assert state(accepted) == "completed"
        assert money(accepted) == (3695, 3695, 3695, 0)
        sound()

    def test_goods_that_leave_meanwhile_win(
        self, accepted: Order, warehouse: FakeWarehouse
    ) -> None:
        cancel(accepted)
        leave(warehouse, f"{accepted.number}-1", parcel(MUG=2, CUP=3))

        assert (state(accepted), wish(accepted)) == ("completed", "rejected")
        assert money(accepted) == (3695, 3695, 3695, 0)
        sound()

    def test_nothing_of_it_on_the_shelves_is_a_cancellation(
        self, accepted: Order, warehouse: FakeWarehouse
    ) -> None:
        cancel(accepted)
        leave(warehouse, f"{accepted.number}-1", MUG=2, CUP=3)

        assert (state(accepted), wish(accepted)) == ("cancelled", "accepted")
        assert money(accepted)[1:] == (0, 0, 0)
        sound()


class TestCapturedOnAcceptance:
    @pytest.fixture(autouse=True)
    def _early(self, settings: object) -> None:
        settings.CAPTURE_AT = "acceptance"  # type: ignore[attr-defined]

    def test_nothing_is_while_somebody_wants_it_cancelled(self, confirmed: Order) -> None:
        work(Fulfillment.objects.get())
        cancel(confirmed)
        pay()
        assert (state(confirmed), wish(confirmed)) == ("in_fulfillment", "requested")
        assert money(confirmed) == (3695, 3695, 0, 0)

        submit(confirmed)
        pay()
        assert (state(confirmed), money(confirmed)[1:]) == ("cancelled", (0, 0, 0))

    def test_all_is_once_it_cannot_be(self, confirmed: Order, warehouse: FakeWarehouse) -> None:
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        work(Fulfillment.objects.get())
        cancel(confirmed)
        submit(confirmed)
        pay()

        assert wish(confirmed) == "rejected"
        assert money(confirmed) == (3695, 3695, 3695, 0)

    def test_nothing_is_of_an_order_that_has_ended(self, confirmed: Order) -> None:
        work(Fulfillment.objects.get())
        cancel(confirmed)
        work(Fulfillment.objects.get())
        jobs.on_fulfillment_stopped(event_id=None, subject_id=confirmed.pk)  # type: ignore[arg-type]
        assert state(confirmed) == "cancelled"
        pay()

        jobs.on_fulfillment_accepted(event_id=None, subject_id=confirmed.pk)  # type: ignore[arg-type]
        assert not Alert.objects.exists()


class TestWaitingForStock:
    def test_ends_with_the_order(self, confirmed: Order) -> None:
        Reservation.objects.update(state="backordered", backordered_at=now())
        Stock.objects.update(reserved=0)
        holds.hold_for_stock(order_id=confirmed.pk, now=now())
        cancel(confirmed)

        assert state(confirmed) == "cancelled"
        assert OrderHold.objects.get().released_at is not None


class TestPartly:
    @pytest.fixture
    def split(self, shop: None) -> Order:
        """The cups are kept in a second warehouse: two requests, both accepted."""
        ensure_warehouse(code="away", name="Far warehouse")
        for code, units_ in (("main", -6), ("away", 6)):
            adjust(warehouse_code=code, deltas={"CUP": units_}, reason="moved", actor="test")
        order = builders.place({"MUG": 2, "CUP": 3})
        pay()
        lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=now())
        submit(order)
        assert Fulfillment.objects.count() == 2
        return order

    def reference(self, order: Order, sku: str) -> str:
        return Fulfillment.objects.get(order=order, lines__sku=sku).reference

    def test_what_was_stopped_is_not_paid_and_the_rest_goes_on(
        self, split: Order, warehouse: FakeWarehouse
    ) -> None:
        leave(warehouse, self.reference(split, "MUG"), parcel(MUG=1), status="partially_shipped")
        cancel(split)
        submit(split)
        pay()

        assert (state(split), wish(split)) == ("in_fulfillment", "rejected")
        assert units(split) == [("CUP", 3, 0, 3), ("MUG", 2, 1, 0)]
        entry = TimelineEntry.objects.get(kind="cancellation.rejected")
        assert entry.reason == "part of it had left"
        # One capture is all that this card allows: the first parcel took what was due then.
        assert Refund.objects.get().amount_minor == 1500
        assert money(split) == (2195, 3695, 3695, 1500)

        leave(warehouse, self.reference(split, "MUG"), parcel(MUG=1), parcel("P-2", MUG=1))
        assert state(split) == "completed"
        assert Refund.objects.count() == 1
        sound()

    def test_a_hold_for_missing_stock_ends_with_what_was_missing(
        self, split: Order, warehouse: FakeWarehouse
    ) -> None:
        leave(warehouse, self.reference(split, "MUG"), parcel(MUG=1), status="partially_shipped")
        Reservation.objects.filter(sku="CUP").update(state="backordered", backordered_at=now())
        Stock.objects.filter(sku="CUP").update(reserved=0)
        holds.hold_for_stock(order_id=split.pk, now=now())
        stop = Alert.objects.get(kind="parcel_to_stop")
        cancel(split)
        submit(split)

        assert wish(split) == "rejected"
        stop.refresh_from_db()
        assert stop.closed_at is not None
        assert OrderHold.objects.get().released_at is not None
        assert not Fulfillment.objects.exclude(state="cancelled").get().is_held

    def test_only_what_is_due_is_captured_where_nothing_was_yet(
        self, split: Order, warehouse: FakeWarehouse
    ) -> None:
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        cancel(split)
        submit(split)
        pay()
        (stopped,) = Fulfillment.objects.filter(state="cancelled")
        (goes_on,) = Fulfillment.objects.exclude(state="cancelled")
        sku = goes_on.lines.get().sku
        due = {"MUG": 2195, "CUP": 1895}[sku]

        assert wish(split) == "rejected"
        assert money(split) == (due, 3695, 0, 0)

        leave(warehouse, goes_on.reference, parcel(**{sku: goes_on.lines.get().quantity}))
        assert state(split) == "completed"
        assert money(split) == (due, due, due, 0)
        sound()

    def test_what_staff_give_up_a_person_is_told_of_and_can_cancel(
        self, split: Order, warehouse: FakeWarehouse
    ) -> None:
        leave(warehouse, self.reference(split, "MUG"), parcel(MUG=2))
        given_up = Fulfillment.objects.filter(lines__sku="CUP")
        given_up.update(state="rejected", due_at=None)
        assert cancellations.why_not(order=Order.objects.get(pk=split.pk)) == ""
        dead_letters.discard(
            fulfillment_ids=[given_up.get().pk], actor=STAFF, reason="no", now=now()
        )
        pay()

        alert = Alert.objects.get(kind="goods_not_coming")
        assert (alert.subject_id, "3 x CUP" in alert.detail) == (split.pk, True)
        assert state(split) == "in_fulfillment"

        assert cancellations.why_not(order=Order.objects.get(pk=split.pk)) == ""
        cancel(split, STAFF)
        pay()
        assert units(split) == [("CUP", 3, 0, 3), ("MUG", 2, 2, 0)]
        assert state(split) == "completed"
        alert.refresh_from_db()
        assert alert.closed_at is not None
        sound()

    def test_nobody_is_told_where_the_rest_comes(
        self, split: Order, warehouse: FakeWarehouse
    ) -> None:
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        cancel(split)
        submit(split)
        pay()

        assert wish(split) == "rejected"
        assert not Alert.objects.filter(kind="goods_not_coming").exists()

    def test_waits_for_the_last_answer(self, split: Order, warehouse: FakeWarehouse) -> None:
        warehouse.cancel_answers.append(OutcomeUnknown("timeout"))
        cancel(split)
        Fulfillment.objects.update(due_at=now())
        work(Fulfillment.objects.order_by("pk")[0])
        carry()

        assert set(Fulfillment.objects.values_list("state", flat=True)) == {
            "cancelled",
            "cancellation_requested",
        }
        assert wish(split) == "requested"
        assert state(split) == "in_fulfillment"


class TestWhoMay:
    @pytest.mark.parametrize("kind", [HoldKind.DISPUTE, HoldKind.FRAUD_WARNING])
    def test_a_customer_not_while_the_payment_is_looked_into(
        self, confirmed: Order, kind: HoldKind
    ) -> None:
        holds.place(order_id=confirmed.pk, kind=kind, reason="x", actor="system", now=now())

        with pytest.raises(CannotCancel, match="looked into"):
            cancel(confirmed)
        assert not OrderCancellation.objects.exists()

        cancel(confirmed, STAFF)
        assert state(confirmed) == "cancelled"

    def test_a_customer_while_only_shipping_is_stopped(self, confirmed: Order) -> None:
        holds.place(order_id=confirmed.pk, kind=HoldKind.MANUAL, reason="x", actor=STAFF, now=now())
        cancel(confirmed)

        assert state(confirmed) == "cancelled"

    def test_nobody_what_has_ended(self, confirmed: Order) -> None:
        cancel(confirmed)

        with pytest.raises(CannotCancel, match="ended"):
            cancel(confirmed, STAFF)

    def test_only_with_a_reason(self, confirmed: Order) -> None:
        with pytest.raises(ValueError, match="reason"):
            cancelling.request_cancellation(
                order_id=confirmed.pk, reason="  ", actor=STAFF, now=now()
            )


class TestTwice:
    def test_is_one_wish(self, confirmed: Order) -> None:
        submit(confirmed)
        first, second = cancel(confirmed), cancel(confirmed, STAFF)

        assert first.pk == second.pk
        assert OrderCancellation.objects.get().requested_by == CUSTOMER

    def test_two_open_wishes_are_refused_by_the_database(self, confirmed: Order) -> None:
        submit(confirmed)
        row = cancel(confirmed)
        row.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()

    def test_told_twice_nothing_changes(self, confirmed: Order) -> None:
        cancel(confirmed)
        pay()
        before = (money(confirmed), units(confirmed), TimelineEntry.objects.count())

        jobs.on_fulfillment_stopped(event_id=None, subject_id=confirmed.pk)  # type: ignore[arg-type]
        jobs.on_payment_closed(event_id=None, subject_id=confirmed.pk)  # type: ignore[arg-type]
        jobs.on_payment_hold_lost(event_id=None, subject_id=confirmed.pk)  # type: ignore[arg-type]

        assert (money(confirmed), units(confirmed), TimelineEntry.objects.count()) == before


class TestPreview:
    def test_says_what_would_happen(self, confirmed: Order) -> None:
        confirmed.refresh_from_db()
        found = cancellations.preview(order=confirmed)
        assert (found.at_once, found.asked, found.too_late) == (1, 0, 0)
        assert (found.held_minor, found.captured_minor) == (3695, 0)

        submit(confirmed)
        found = cancellations.preview(order=confirmed)
        assert (found.at_once, found.asked, found.too_late) == (0, 1, 0)
