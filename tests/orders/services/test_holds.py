"""An order on hold sends nothing; whoever may releases it, and the last release lets it go."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from fulfillment.models import Fulfillment, Reservation
from fulfillment.states import FulfillmentState
from globalmart.core.choreography import wiring
from globalmart.core.jobs import handle
from globalmart.core.models import Alert, Delivery, OutboxEvent, TimelineEntry
from orders import jobs
from orders.models import Order, OrderHold
from orders.queries.holds import blocks_changes, has_expired, list_expired
from orders.queries.tracking import track
from orders.services import holds, lifecycle
from orders.states import HoldBlocks, HoldKind, OrderState
from payments.models import PaymentAttempt, PaymentOperation
from payments.services.disputes import apply_dispute
from payments.services.fraud_warnings import apply_warning
from tests import builders
from tests.payments.disputing import capture, dispute, warning

STAFF = "staff:1"
S = FulfillmentState


@pytest.fixture
def order(db: None) -> Order:
    builders.open_shop()
    builders.add_product()
    return builders.place()


@pytest.fixture
def confirmed(order: Order) -> Order:
    capture(order)
    lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=timezone.now())
    return order


def place(order: Order, kind: HoldKind = HoldKind.MANUAL, *, actor: str = STAFF) -> bool:
    return holds.place(
        order_id=order.pk, kind=kind, reason="looks odd", actor=actor, now=timezone.now()
    )


def release(order: Order, kind: HoldKind = HoldKind.MANUAL, *, actor: str = STAFF) -> bool:
    return holds.release(
        order_id=order.pk, kind=kind, reason="looked at", actor=actor, now=timezone.now()
    )


def request_state() -> str:
    return Fulfillment.objects.get().state


def open_kinds() -> list[str]:
    rows = OrderHold.objects.filter(released_at__isnull=True).order_by("pk")
    return list(rows.values_list("kind", flat=True))


def told(name: str) -> int:
    return OutboxEvent.objects.filter(name=name).count()


class TestPlace:
    def test_stops_what_has_not_left(self, confirmed: Order) -> None:
        assert place(confirmed)

        hold = OrderHold.objects.get()
        assert (hold.kind, hold.reason, hold.placed_by) == ("manual", "looks odd", STAFF)
        assert request_state() == S.ON_HOLD
        assert told("order.hold_placed") == 1
        entry = TimelineEntry.objects.get(kind="hold.placed")
        assert (entry.actor, entry.reason, entry.data) == (STAFF, "looks odd", {"hold": "manual"})

    def test_changes_nothing_the_second_time(self, confirmed: Order) -> None:
        place(confirmed)

        assert not place(confirmed)
        assert OrderHold.objects.count() == 1

    def test_notes_what_has_left_and_alarms(self, confirmed: Order) -> None:
        Fulfillment.objects.update(state=S.ACCEPTED, due_at=None)
        place(confirmed)

        reference = f"{confirmed.number}-1"
        entry = TimelineEntry.objects.get(kind="hold.placed")
        assert entry.data == {"hold": "manual", "at_warehouse": [reference]}
        assert Alert.objects.get(kind="parcel_to_stop").subject_id == confirmed.pk
        assert request_state() == S.ACCEPTED

    @pytest.mark.parametrize("state", [OrderState.COMPLETED, OrderState.CANCELLED])
    def test_leaves_an_order_alone_of_which_nothing_can_leave(
        self, confirmed: Order, state: str
    ) -> None:
        Order.objects.update(state=state)

        assert not place(confirmed)
        assert not OrderHold.objects.exists()

    def test_wants_a_reason(self, confirmed: Order) -> None:
        with pytest.raises(ValueError, match="reason"):
            holds.place(
                order_id=confirmed.pk,
                kind=HoldKind.MANUAL,
                reason=" ",
                actor=STAFF,
                now=timezone.now(),
            )

    def test_holds_the_request_of_an_order_that_is_confirmed_later(self, order: Order) -> None:
        place(order)
        capture(order)
        lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=timezone.now())

        assert request_state() == S.ON_HOLD
        release(order)
        assert request_state() == S.READY


class TestRelease:
    def test_lets_the_order_go(self, confirmed: Order) -> None:
        place(confirmed)

        assert release(confirmed)

        hold = OrderHold.objects.get()
        assert (hold.released_by, hold.release_reason) == (STAFF, "looked at")
        row = Fulfillment.objects.get()
        assert (row.state, row.is_held) == (S.READY, False)
        assert row.due_at is not None
        assert told("order.hold_released") == 1

    def test_waits_for_the_last_hold(self, confirmed: Order) -> None:
        place(confirmed)
        place(confirmed, HoldKind.FRAUD_WARNING, actor="system")

        release(confirmed)
        assert request_state() == S.ON_HOLD

        release(confirmed, HoldKind.FRAUD_WARNING)
        assert request_state() == S.READY

    def test_of_nothing_says_so(self, confirmed: Order) -> None:
        assert not release(confirmed)

    def test_leaves_a_cancelled_order_where_it_is(self, confirmed: Order) -> None:
        place(confirmed)
        Order.objects.update(state=OrderState.CANCELLED)

        release(confirmed)

        assert request_state() == S.ON_HOLD

    @pytest.mark.parametrize("kind", [HoldKind.MANUAL, HoldKind.FRAUD_WARNING])
    def test_is_for_a_person_where_a_person_decides(self, confirmed: Order, kind: HoldKind) -> None:
        place(confirmed, kind)

        with pytest.raises(holds.HoldStays):
            release(confirmed, kind, actor="system")
        assert open_kinds() == [kind]

    def test_allows_a_second_hold_of_the_kind_afterwards(self, confirmed: Order) -> None:
        place(confirmed)
        release(confirmed)

        assert place(confirmed)
        assert OrderHold.objects.count() == 2


class TestConstraints:
    """Each rule holds in the database, too, where code forgets it."""

    @pytest.mark.parametrize(
        "change",
        [
            {"released_at": timezone.now()},
            {"released_by": STAFF},
            {"released_at": timezone.now(), "released_by": STAFF},
            {
                "released_at": timezone.now(),
                "released_by": "system",
                "release_reason": "x",
            },
            {"kind": "whim"},
        ],
        ids=["nobody", "no time", "no reason", "not by the system", "unknown kind"],
    )
    def test_refuse_a_release(self, confirmed: Order, change: dict[str, object]) -> None:
        place(confirmed)
        with pytest.raises(IntegrityError), transaction.atomic():
            OrderHold.objects.update(**change)

    def test_refuse_a_second_open_hold_of_a_kind(self, confirmed: Order) -> None:
        place(confirmed)
        hold = OrderHold.objects.get()
        hold.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            hold.save()


def deliver() -> None:
    """Carry all events to the consumers in orders, once each, as relay and worker do."""
    for event in OutboxEvent.objects.order_by("id"):
        for consumer in wiring().consumers.get(event.name, ()):
            if consumer.handler.startswith("orders."):
                row, _ = Delivery.objects.get_or_create(
                    event=event, consumer=consumer.handler, queue=consumer.queue
                )
                handle(delivery_id=row.pk)


class TestDisputes:
    def tell(self, *statuses: str, stripe_id: str = "dp_ada") -> None:
        for status in statuses:
            apply_dispute(answer=dispute(status, id=stripe_id), actor="webhook", now=timezone.now())
            deliver()

    @pytest.mark.parametrize("status", ["needs_response", "warning_needs_response"])
    def test_stop_the_order(self, confirmed: Order, status: str) -> None:
        self.tell(status)

        assert open_kinds() == ["dispute"]
        assert request_state() == S.ON_HOLD

    @pytest.mark.parametrize("end", ["won", "warning_closed"])
    def test_let_it_go_when_they_are_won(self, confirmed: Order, end: str) -> None:
        self.tell("warning_needs_response", end)

        assert open_kinds() == []
        assert request_state() == S.READY

    def test_leave_it_to_a_person_when_they_are_lost(self, confirmed: Order) -> None:
        self.tell("needs_response", "lost")
        assert open_kinds() == ["dispute"]

        release(confirmed, HoldKind.DISPUTE)
        assert request_state() == S.READY

    def test_stop_the_order_while_another_one_is_open(self, confirmed: Order) -> None:
        self.tell("needs_response")
        self.tell("needs_response", stripe_id="dp_2")

        self.tell("won")
        assert open_kinds() == ["dispute"]

        self.tell("won", stripe_id="dp_2")
        assert open_kinds() == []

    def test_that_ended_before_they_were_told_stop_nothing(self, confirmed: Order) -> None:
        for status in ("needs_response", "won"):
            apply_dispute(answer=dispute(status), actor="webhook", now=timezone.now())
        deliver()

        assert not OrderHold.objects.exists()

    def test_leave_a_persons_decision_about_one_alone_until_it_becomes_worse(
        self, confirmed: Order
    ) -> None:
        self.tell("warning_needs_response")
        release(confirmed, HoldKind.DISPUTE)
        self.tell("warning_under_review")
        assert open_kinds() == []

        self.tell("needs_response")
        assert open_kinds() == ["dispute"]


class TestFraudWarnings:
    def tell(self, *, is_actionable: bool = True) -> None:
        answer = warning(is_actionable=is_actionable)
        apply_warning(answer=answer, actor="webhook", now=timezone.now())
        deliver()

    def test_stop_the_order_until_a_person_decides(self, confirmed: Order) -> None:
        self.tell()
        self.tell(is_actionable=False)
        assert open_kinds() == ["fraud_warning"]

        release(confirmed, HoldKind.FRAUD_WARNING)
        assert request_state() == S.READY

    def test_that_cannot_be_acted_on_stop_nothing(self, confirmed: Order) -> None:
        self.tell(is_actionable=False)

        assert open_kinds() == []


class TestLostMoney:
    def lose(self, order: Order) -> None:
        """The hold has ended at the bank."""
        PaymentAttempt.objects.update(state="cancelled", authorized_minor=0, captured_minor=0)
        self.tell(jobs.on_payment_hold_lost, order)

    def find(self, order: Order) -> None:
        PaymentAttempt.objects.update(state="authorized", authorized_minor=2195)

    def tell(self, handler: Callable[..., None], order: Order) -> None:
        handler(event_id=None, subject_id=order.pk, attempt_id=1)

    @pytest.mark.parametrize("handler", [jobs.on_payment_authorized, jobs.on_payment_captured])
    def test_stops_the_order_until_it_is_covered_again(
        self, confirmed: Order, handler: Callable[..., None]
    ) -> None:
        self.lose(confirmed)
        assert open_kinds() == ["payment"]
        assert request_state() == S.ON_HOLD

        self.tell(handler, confirmed)
        assert open_kinds() == ["payment"]

        self.find(confirmed)
        self.tell(handler, confirmed)
        assert open_kinds() == []
        assert request_state() == S.READY

    def test_that_has_come_back_already_stops_nothing(self, confirmed: Order) -> None:
        self.tell(jobs.on_payment_hold_lost, confirmed)

        assert open_kinds() == []

    def test_of_an_order_that_is_not_confirmed_stops_nothing(self, order: Order) -> None:
        self.lose(order)

        assert open_kinds() == []

    def test_staff_cannot_send_the_order_without_it(self, confirmed: Order) -> None:
        self.lose(confirmed)

        with pytest.raises(holds.HoldStays):
            release(confirmed, HoldKind.PAYMENT)

    def test_is_lost_too_when_the_capture_brought_no_money(self, confirmed: Order) -> None:
        attempt = PaymentAttempt.objects.get()
        PaymentAttempt.objects.update(state="authorized", captured_minor=0)
        PaymentOperation.objects.create(
            attempt=attempt,
            kind="capture",
            number=9,
            state="declined",
            amount_minor=2195,
            idempotency_key="capture-9",
            first_sent_at=timezone.now(),
            finished_at=timezone.now(),
        )
        self.tell(jobs.on_payment_hold_lost, confirmed)

        assert open_kinds() == ["payment"]


class TestCustomersPage:
    def test_says_only_that_the_order_is_being_prepared(self, confirmed: Order) -> None:
        now = timezone.now()
        before = track(order=Order.objects.get(), now=now)
        place(confirmed, HoldKind.FRAUD_WARNING, actor="system")

        found = track(order=Order.objects.get(), now=now + timedelta(days=10))

        assert found.headline == "We are preparing your order"
        assert "hold" not in f"{found.headline} {found.detail} {found.story}".lower()
        assert "fraud" not in f"{found.headline} {found.detail} {found.story}".lower()
        assert found.version != before.version
        assert before.earliest is not None
        assert found.earliest is not None
        assert found.earliest > before.earliest


class TestExpiry:
    def place_until(self, order: Order, kind: HoldKind = HoldKind.MANUAL) -> datetime:
        end = timezone.now() + timedelta(hours=2)
        holds.place(
            order_id=order.pk,
            kind=kind,
            reason="asks to wait",
            actor=STAFF,
            now=timezone.now(),
            expires_at=end,
        )
        return end

    @pytest.mark.parametrize("kind", [HoldKind.MANUAL, HoldKind.FRAUD_WARNING])
    def test_ends_a_hold_by_the_clock_alone(self, confirmed: Order, kind: HoldKind) -> None:
        end = self.place_until(confirmed, kind)
        assert not has_expired(now=end - timedelta(seconds=1))
        holds.expire(order_id=confirmed.pk, now=end - timedelta(seconds=1))
        assert request_state() == S.ON_HOLD

        assert has_expired(now=end)
        assert list_expired(now=end, limit=9) == [confirmed.pk]
        holds.expire(order_id=confirmed.pk, now=end)

        hold = OrderHold.objects.get()
        assert (hold.released_by, hold.release_reason) == ("system", "expired")
        assert request_state() == S.READY

    def test_leaves_the_other_holds(self, confirmed: Order) -> None:
        end = self.place_until(confirmed)
        place(confirmed, HoldKind.FRAUD_WARNING, actor="system")

        holds.expire(order_id=confirmed.pk, now=end)

        assert open_kinds() == ["fraud_warning"]
        assert request_state() == S.ON_HOLD

    def test_is_worked_by_the_job(self, confirmed: Order) -> None:
        self.place_until(confirmed)
        OrderHold.objects.update(expires_at=timezone.now())

        jobs.expire_holds()

        assert open_kinds() == []

    def test_is_no_end_of_lost_money_nor_in_the_past(self, confirmed: Order) -> None:
        with pytest.raises(ValueError, match="cannot end"):
            self.place_until(confirmed, HoldKind.PAYMENT)
        now = timezone.now()
        with pytest.raises(ValueError, match="cannot end"):
            holds.place(
                order_id=confirmed.pk,
                kind=HoldKind.MANUAL,
                reason="x",
                actor=STAFF,
                now=now,
                expires_at=now,
            )


class TestWhatAHoldBlocks:
    @pytest.mark.parametrize(
        ("kind", "blocks", "owner"),
        [
            (HoldKind.DISPUTE, "changes", "payments"),
            (HoldKind.FRAUD_WARNING, "changes", "payments"),
            (HoldKind.PAYMENT, "shipping", "payments"),
            (HoldKind.STOCK, "shipping", "warehouse"),
            (HoldKind.MANUAL, "shipping", STAFF),
        ],
    )
    def test_is_said_by_its_kind(
        self, confirmed: Order, kind: HoldKind, blocks: str, owner: str
    ) -> None:
        place(confirmed, kind)

        hold = OrderHold.objects.get()
        assert (hold.blocks, hold.owner) == (blocks, owner)
        assert blocks_changes(order_id=confirmed.pk) == (blocks == "changes")

    def test_can_be_said_by_who_places_it(self, confirmed: Order) -> None:
        holds.place(
            order_id=confirmed.pk,
            kind=HoldKind.MANUAL,
            reason="x",
            actor=STAFF,
            now=timezone.now(),
            owner="fraud team",
            blocks=HoldBlocks.CHANGES,
        )
        hold = OrderHold.objects.get()
        assert (hold.blocks, hold.owner) == ("changes", "fraud team")
        release(confirmed)
        assert not blocks_changes(order_id=confirmed.pk)


class TestMissingStock:
    def tell(self, handler: Callable[..., None], order: Order) -> None:
        handler(event_id=None, subject_id=order.pk)

    def test_stops_the_order_until_nothing_is_missing(self, confirmed: Order) -> None:
        # Where its customer cannot be asked: see tests/orders/changes/test_backorders.py.
        Reservation.objects.update(state="backordered", backordered_at=timezone.now())
        holds.hold_for_stock(order_id=confirmed.pk, now=timezone.now())
        assert open_kinds() == ["stock"]
        assert request_state() == S.ON_HOLD

        self.tell(jobs.on_backorder_filled, confirmed)
        assert open_kinds() == ["stock"]

        Reservation.objects.update(state="committed", backordered_at=None)
        self.tell(jobs.on_backorder_filled, confirmed)
        assert open_kinds() == []
        assert request_state() == S.READY

    def test_that_came_before_it_was_told_stops_nothing(self, confirmed: Order) -> None:
        self.tell(jobs.on_stock_backordered, confirmed)

        assert open_kinds() == []
