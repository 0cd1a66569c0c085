"""Sent once, looked up before sent again, and never under another key."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from django.utils import timezone

from globalmart.core.db import Lease
from globalmart.core.models import Alert
from orders.models import Order
from payments import jobs
from payments.gateways.intents import Answer, Outcome
from payments.models import PaymentOperation
from payments.services.operations import send_operation
from payments.services.outcomes import apply_outcome
from payments.services.planning import plan_cancel, plan_capture
from payments.services.sending import LEASE_SECONDS
from payments.states import AttemptState, OperationState
from tests.payments.conftest import account_of, attempt_of, authorize, make_due, operation, send
from tests.payments.fakes import DECLINING, FakeStripe

Claim = Callable[[int], list[Lease]]
REPLAYED_500 = Answer(Outcome.UNKNOWN, code="api_error")


class TestSendOperation:
    def test_creates_then_confirms_with_the_stored_keys(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        authorize(order)

        assert stripe.methods() == ["create", "confirm"]
        assert stripe.keys("create") == [operation(order, "create").idempotency_key]
        assert stripe.keys("confirm") == [operation(order, "confirm").idempotency_key]
        assert attempt_of(order).state == AttemptState.AUTHORIZED
        assert operation(order, "confirm").state == OperationState.DONE

    def test_is_committed_as_sent_before_the_call(self, order: Order, stripe: FakeStripe) -> None:
        seen: list[tuple[str, bool]] = []

        def look() -> None:
            row = operation(order, "create")
            seen.append((row.state, row.first_sent_at is not None))

        stripe.before["create"] = look

        send(order, "create")

        assert seen == [(OperationState.SENT, True)]

    def test_makes_the_confirmation_due_only_when_the_intent_exists(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        assert operation(order, "confirm").due_at is None

        send(order, "create")

        assert operation(order, "confirm").due_at is not None

    def test_waits_for_the_intent(self, order: Order, stripe: FakeStripe) -> None:
        row = send(order, "confirm")

        assert stripe.calls == []
        assert row.state == OperationState.PLANNED
        assert row.due_at is not None

    def test_repeats_a_lost_creation_under_its_key(self, order: Order, stripe: FakeStripe) -> None:
        stripe.lost["create"] = 1

        assert send(order, "create").state == OperationState.UNKNOWN
        assert send(order, "create").state == OperationState.DONE

        first, second = stripe.keys("create")
        assert first == second
        assert len(stripe.intents) == 1

    def test_looks_a_lost_confirmation_up_instead_of_repeating_it(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        stripe.lost["confirm"] = 1
        authorize(order)
        assert attempt_of(order).state == AttemptState.UNKNOWN

        send(order, "confirm")

        assert stripe.methods() == ["create", "confirm", "retrieve"]
        assert attempt_of(order).state == AttemptState.AUTHORIZED
        assert operation(order, "confirm").state == OperationState.DONE

    def test_repeats_a_confirmation_that_never_arrived(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        stripe.instead["confirm"].append(REPLAYED_500)
        authorize(order)

        send(order, "confirm")

        assert stripe.methods() == ["create", "confirm", "retrieve", "confirm"]
        assert len(set(stripe.keys("confirm"))) == 1
        assert attempt_of(order).state == AttemptState.AUTHORIZED

    def test_looks_up_first_after_a_crash(self, order: Order, stripe: FakeStripe) -> None:
        def crash() -> None:
            raise SystemExit

        send(order, "create")
        stripe.before["confirm"] = crash
        with pytest.raises(SystemExit):
            send(order, "confirm")
        assert operation(order, "confirm").state == OperationState.SENT

        send(order, "confirm")

        assert stripe.methods()[-2:] == ["retrieve", "confirm"]

    def test_sends_nothing_once_its_key_may_be_forgotten(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        stripe.instead["create"].append(REPLAYED_500)
        send(order, "create")
        old = timezone.now() - timedelta(hours=23, minutes=1)
        PaymentOperation.objects.filter(kind="create").update(first_sent_at=old)

        row = send(order, "create")

        assert stripe.methods() == ["create"]
        assert row.state == OperationState.UNKNOWN
        assert Alert.objects.get().kind == "operation_too_old"

    def test_cancels_after_a_decline_and_ends_failed(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        PaymentOperation.objects.filter(kind="confirm").update(
            request={"payment_method": DECLINING}
        )
        authorize(order)
        assert operation(order, "confirm").state == OperationState.DECLINED
        assert attempt_of(order).state == AttemptState.PROCESSING

        send(order, "cancel")

        assert attempt_of(order).state == AttemptState.FAILED
        assert account_of(order).authorized_minor == 0

    @pytest.mark.parametrize("seconds", [None, 7.0])
    def test_plans_again_after_a_429(
        self, order: Order, stripe: FakeStripe, seconds: float | None
    ) -> None:
        stripe.instead["create"].append(Answer(Outcome.NOT_YET, retry_after=seconds))

        row = send(order, "create")

        assert row.state == OperationState.PLANNED
        assert row.due_at is not None
        assert row.due_at > timezone.now() + timedelta(seconds=(seconds or 0.4) - 0.3)
        assert send(order, "create").state == OperationState.DONE

    def test_stops_at_a_key_conflict(self, order: Order, stripe: FakeStripe) -> None:
        stripe.instead["create"].append(Answer(Outcome.KEY_CONFLICT, code="idempotency_error"))

        row = send(order, "create")

        assert (row.state, row.due_at) == (OperationState.REFUSED, None)
        assert Alert.objects.get().kind == "payment_refused"
        assert attempt_of(order).state == AttemptState.CREATED

    def test_cancels_when_a_confirmation_is_refused_and_nothing_is_known(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        send(order, "create")
        shown = stripe.show(attempt_of(order).stripe_intent_id or "")
        stripe.instead["confirm"].append(Answer(Outcome.OPEN, shown, "bad_parameter"))

        assert send(order, "confirm").state == OperationState.REFUSED
        send(order, "cancel")

        assert attempt_of(order).state == AttemptState.FAILED

    def test_gives_up_a_confirmation_that_only_replays_a_500(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        send(order, "create")
        stripe.instead["confirm"].extend([REPLAYED_500] * 9)
        for _ in range(4):
            PaymentOperation.objects.filter(kind="confirm").update(tries=4)
            send(order, "confirm")

        send(order, "cancel")

        assert attempt_of(order).state == AttemptState.CANCELLED

    def test_cancels_nothing_while_stripe_cannot_be_asked(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        send(order, "create")
        stripe.lost["confirm"] = 1
        stripe.instead["retrieve"].extend([REPLAYED_500] * 5)
        for _ in range(6):
            PaymentOperation.objects.filter(kind="confirm").update(tries=9)
            send(order, "confirm")
        assert not PaymentOperation.objects.filter(kind="cancel").exists()

        send(order, "confirm")

        assert attempt_of(order).state == AttemptState.AUTHORIZED

    @pytest.mark.parametrize(
        "late", [Answer(Outcome.UNKNOWN), Answer(Outcome.DECLINED, code="card_declined")]
    )
    def test_hears_the_late_answer_of_a_call_that_a_rival_overtook(
        self, order: Order, stripe: FakeStripe, late: Answer
    ) -> None:
        stripe.instead["create"].append(Answer(Outcome.NOT_YET))
        row = send(order, "create")

        apply_outcome(
            attempt_id=row.attempt_id,
            answer=late,
            actor="stripe",
            now=timezone.now(),
            operation_id=row.pk,
        )

        assert operation(order, "create").state == late.outcome

    def test_waits_before_it_asks_again_about_an_intent_that_is_not_ours(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        send(order, "create")
        stripe.intents[attempt_of(order).stripe_intent_id or ""]["amount"] = 1

        row = send(order, "confirm")

        assert Alert.objects.get().kind == "payment_mismatch"
        assert (row.state, row.lease_until) == (OperationState.UNKNOWN, None)
        assert row.due_at is not None
        assert row.due_at > timezone.now()

    def test_leaves_a_finished_operation_alone(self, order: Order, stripe: FakeStripe) -> None:
        send(order, "create")

        send(order, "create")

        assert stripe.methods() == ["create"]


def lease(order: Order, kind: str) -> UUID:
    """Lease the operation, whoever holds it, and return the token."""
    row = make_due(order, kind)
    rows = PaymentOperation.objects.filter(pk=row.pk)
    (found,) = rows.lease(now=timezone.now(), limit=1, lease_seconds=LEASE_SECONDS)
    return found.token


class TestLease:
    """A claim may wait for a thread until its lease has ended, and somebody else has the row."""

    def test_sends_nothing_for_a_zombie(self, order: Order, stripe: FakeStripe) -> None:
        zombie, token = lease(order, "create"), lease(order, "create")
        pk = operation(order, "create").pk

        send_operation(operation_id=pk, token=zombie)
        assert stripe.calls == []
        untouched = operation(order, "create")
        assert (untouched.state, untouched.lease_token) == (OperationState.PLANNED, token)

        send_operation(operation_id=pk, token=token)
        assert stripe.methods() == ["create"]

    def test_sends_nothing_beside_somebody_who_is_sending(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        pk = make_due(order, "create").pk
        stripe.before["create"] = lambda: send_operation(operation_id=pk)

        send_operation(operation_id=pk)

        assert stripe.methods() == ["create"]

    def test_goes_on_where_a_sender_has_died(self, order: Order, stripe: FakeStripe) -> None:
        row = make_due(order, "create")
        past = timezone.now() - timedelta(seconds=1)
        PaymentOperation.objects.filter(pk=row.pk).update(
            state=OperationState.SENT, first_sent_at=past, lease_until=past
        )

        send_operation(operation_id=row.pk)

        assert operation(order, "create").state == OperationState.DONE

    def test_is_compared_by_the_job(
        self, order: Order, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def drain(*, claim: Claim, work: Callable[[Lease], None]) -> None:
            (claimed,) = claim(9)
            lease(order, "create")
            work(claimed)

        monkeypatch.setattr(jobs, "drain", drain)

        jobs.work_operations()

        assert stripe.calls == []


def spend_a_key(order: Order, stripe: FakeStripe, kind: str, *, tries: int = 0) -> None:
    """Have Stripe answer a capture or a cancel with a 500, and replay it until its key is given
    up."""
    if not PaymentOperation.objects.filter(kind=kind).exists():
        authorize(order)
        {"capture": plan_capture, "cancel": plan_cancel}[kind](
            order_id=order.pk, now=timezone.now()
        )
    spent = operation(order, kind)
    PaymentOperation.objects.filter(pk=spent.pk).update(tries=tries)
    replays = {"capture": 2, "cancel": 1}[kind]
    stripe.instead[kind].extend(
        [REPLAYED_500, *[replace(REPLAYED_500, is_replayed=True)] * replays]
    )
    for _ in range(1 + replays):
        send(order, kind)
    assert operation(order, kind).number == spent.number + 1


class TestSpentKey:
    """Stripe stores a 500 and replays it for a day: that call has ended, and its key is spent."""

    @pytest.mark.parametrize("kind", ["create", "cancel"])
    def test_takes_a_new_key_where_a_second_call_does_no_harm(
        self, order: Order, stripe: FakeStripe, kind: str
    ) -> None:
        if kind == "cancel":
            send(order, "create")
            plan_cancel(order_id=order.pk, now=timezone.now())
        stripe.instead[kind].extend([REPLAYED_500, replace(REPLAYED_500, is_replayed=True)])

        send(order, kind)
        first = send(order, kind)
        send(order, kind)

        again = operation(order, kind)
        assert (again.number, again.state) == (2, OperationState.DONE)
        assert len(set(stripe.keys(kind))) == 2
        rows = PaymentOperation.objects.filter(kind=kind).order_by("number")
        assert [row.state for row in rows] == [OperationState.REFUSED, OperationState.DONE]
        assert first.request == again.request

    def test_takes_a_new_key_for_a_capture_seen_missing_between_two_replays(
        self, order: Order, stripe: FakeStripe
    ) -> None:
        authorize(order)
        plan_capture(order_id=order.pk, now=timezone.now())
        replayed = replace(REPLAYED_500, is_replayed=True)
        stripe.instead["capture"].extend([REPLAYED_500, replayed, replayed])

        states = [send(order, "capture").state for _ in range(4)]

        assert states == ["unknown", "unknown", "planned", "done"]
        assert len(set(stripe.keys("capture"))) == 2
        assert account_of(order).captured_minor == order.total_minor

        assert not Alert.objects.filter(kind="capture_failed").exists()

    @pytest.mark.parametrize("kind", ["capture", "cancel"])
    def test_waits_longer_with_each_key(self, order: Order, stripe: FakeStripe, kind: str) -> None:
        spend_a_key(order, stripe, kind, tries=8)

        again = operation(order, kind)
        assert (again.number, again.tries, again.first_sent_at) == (2, 8, None)
        assert again.due_at is not None
        assert again.due_at > timezone.now() + timedelta(seconds=100)

    @pytest.mark.parametrize("kind", ["capture", "cancel"])
    def test_alarms_from_the_third_key_on(
        self, order: Order, stripe: FakeStripe, kind: str
    ) -> None:
        alarms = []
        for _ in range(3):
            spend_a_key(order, stripe, kind)
            alarms.append(Alert.objects.filter(kind="payment_refused").count())

        assert alarms == [0, 0, 1]
        assert operation(order, kind).state == OperationState.PLANNED

    def test_cancels_a_confirmation_instead(self, order: Order, stripe: FakeStripe) -> None:
        send(order, "create")
        stripe.instead["confirm"].extend([REPLAYED_500, replace(REPLAYED_500, is_replayed=True)])

        send(order, "confirm")
        send(order, "confirm")
        send(order, "cancel")

        assert attempt_of(order).state == AttemptState.CANCELLED
        assert len(set(stripe.keys("confirm"))) == 1
