"""Disputes and early fraud warnings: one way in, any order, any number of times."""

from datetime import timedelta
from itertools import permutations, product

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from globalmart.core import sweeper
from globalmart.core.models import Alert, OutboxEvent, TimelineEntry
from globalmart.core.states import is_final
from orders.models import Order
from payments import gateways, queries
from payments.gateways.disputes import STATES, DisputeAnswer, state_of_status
from payments.models import Dispute, FraudWarning, LedgerEntry, PaymentAttempt, PaymentCase
from payments.services import disputes
from payments.services.disputes import apply_dispute, next_state
from payments.services.fraud_warnings import apply_warning
from payments.states import DISPUTE, CaseKind, DisputeState
from tests.payments.disputing import DUE, FakeDisputes, balances, capture, dispute, warning

D = DisputeState
PAID = {"sales": -2195, "stripe": 2195}
WITHDRAWN = {"sales": -2195, "disputes": 2195}
LOST = {"losses": 2195, "sales": -2195}


@pytest.fixture
def paid(order: Order) -> PaymentAttempt:
    return capture(order)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeDisputes:
    found = FakeDisputes()
    monkeypatch.setattr(gateways, "disputes", lambda: found)
    return found


def apply(*answers: DisputeAnswer) -> None:
    for each in answers:
        assert apply_dispute(answer=each, actor="webhook", now=timezone.now())


def told(prefix: str = "payment.dispute_") -> list[str]:
    rows = OutboxEvent.objects.filter(name__startswith=prefix).order_by("id")
    return [name.removeprefix(prefix) for name in rows.values_list("name", flat=True)]


def open_cases() -> list[tuple[str, str]]:
    rows = PaymentCase.objects.filter(closed_at__isnull=True).order_by("pk")
    return list(rows.values_list("kind", "subject"))


class TestStatuses:
    def test_of_stripe_lead_to_states(self) -> None:
        assert set(STATES.values()) == set(D)

    def test_that_nobody_knows_lead_nowhere(self) -> None:
        assert state_of_status("settled_by_duel") is None

    @pytest.mark.parametrize(("before", "after"), list(product(D, D)))
    def test_move_only_along_the_table(self, before: D, after: D) -> None:
        found = next_state(
            before=before, told=after, due_before=DUE, due_told=DUE + timedelta(days=7)
        )

        assert found == before or found in DISPUTE[before]
        assert found == before or not is_final(DISPUTE, before)


class TestOneDispute:
    def test_is_recorded_booked_and_told(self, paid: PaymentAttempt) -> None:
        apply(dispute())

        row = Dispute.objects.get()
        assert (row.order_id, row.attempt_id, row.state) == (
            paid.order_id,
            paid.pk,
            D.NEEDS_RESPONSE,
        )
        assert (row.amount_minor, row.reason, row.evidence_due_at) == (2195, "fraudulent", DUE)
        assert balances() == WITHDRAWN
        assert told() == ["opened"]
        entry = TimelineEntry.objects.get(kind="dispute.needs_response")
        assert (entry.subject_id, entry.before) == (paid.order_id, "")

    def test_opens_a_case_that_names_the_last_moment_for_evidence(
        self, paid: PaymentAttempt
    ) -> None:
        apply(dispute())

        case = PaymentCase.objects.get()
        assert (case.kind, case.subject, case.their_minor) == (CaseKind.DISPUTE, "dp_ada", 2195)
        assert "evidence by 2026-03-08 12:00 UTC" in case.detail
        assert "£21.95" in case.detail

    def test_is_told_once_however_often_it_is_applied(self, paid: PaymentAttempt) -> None:
        apply(*[dispute()] * 3)

        assert told() == ["opened"]
        assert LedgerEntry.objects.filter(source="dp_ada:withdrawn").count() == 2
        assert PaymentCase.objects.count() == 1

    def test_gives_the_money_back_when_it_is_won(self, paid: PaymentAttempt) -> None:
        apply(dispute(), dispute("under_review"), dispute("won"))

        assert Dispute.objects.get().state == D.WON
        assert balances() == PAID
        assert told() == ["opened", "won"]
        assert open_cases() == []

    def test_gives_the_money_back_once_although_it_is_shown_later(
        self, paid: PaymentAttempt
    ) -> None:
        apply(dispute(), dispute("won", is_reinstated=False), dispute("won"))

        assert balances() == PAID

    def test_writes_the_money_off_when_it_is_lost(self, paid: PaymentAttempt) -> None:
        apply(dispute(), dispute("lost"))

        assert balances() == LOST
        assert told() == ["opened", "lost"]
        assert open_cases() == [(CaseKind.DISPUTE, "dp_ada")]

    def test_takes_back_what_was_lost_if_it_comes_back(self, paid: PaymentAttempt) -> None:
        apply(dispute("lost"), dispute("lost", is_reinstated=True))

        assert balances() == PAID

    def test_books_a_loss_when_the_money_is_shown_only_later(self, paid: PaymentAttempt) -> None:
        apply(dispute("lost", is_withdrawn=False))
        assert balances() == PAID

        apply(dispute("lost"))
        assert balances() == LOST

    def test_that_was_prevented_ends_without_touching_the_ledger(
        self, paid: PaymentAttempt
    ) -> None:
        apply(dispute("prevented", is_withdrawn=False))

        assert Dispute.objects.get().state == D.LOST
        assert balances() == PAID


class TestInquiry:
    def test_moves_no_money(self, paid: PaymentAttempt) -> None:
        apply(dispute("warning_needs_response"))

        assert Dispute.objects.get().state == D.WARNING
        assert balances() == PAID
        assert "asks about" in PaymentCase.objects.get().detail

    def test_counts_as_won_when_it_is_closed(self, paid: PaymentAttempt) -> None:
        apply(dispute("warning_needs_response"), dispute("warning_closed"))

        assert Dispute.objects.get().state == D.WON
        assert told() == ["opened", "won"]
        assert balances() == PAID

    def test_is_told_again_when_it_becomes_a_dispute(self, paid: PaymentAttempt) -> None:
        apply(dispute("warning_under_review"), dispute())

        assert told() == ["opened", "opened"]
        assert balances() == WITHDRAWN


class TestAnyOrder:
    @pytest.mark.parametrize("end", ["won", "lost"])
    def test_gives_the_same_end(self, paid: PaymentAttempt, end: str) -> None:
        story = (
            dispute("warning_needs_response"),
            dispute("needs_response", is_withdrawn=False),
            dispute(),
            dispute("under_review"),
            dispute(end),
        )
        cases = [] if end == "won" else [(CaseKind.DISPUTE, "dp_ada")]
        ends = set()

        for answers in permutations(story):
            with transaction.atomic():
                apply(*answers)
                assert Dispute.objects.get().state == end
                assert open_cases() == cases
                ends.add(tuple(balances().items()))
                transaction.set_rollback(True)

        assert ends == {tuple((PAID if end == "won" else LOST).items())}

    def test_a_late_answer_takes_no_step_back(self, paid: PaymentAttempt) -> None:
        apply(dispute("under_review"), dispute("needs_response"))

        assert Dispute.objects.get().state == D.UNDER_REVIEW

    def test_the_bank_may_ask_for_evidence_once_more(self, paid: PaymentAttempt) -> None:
        later = DUE + timedelta(days=14)
        apply(dispute("under_review"), dispute("needs_response", evidence_due_at=later))

        row = Dispute.objects.get()
        assert (row.state, row.evidence_due_at) == (D.NEEDS_RESPONSE, later)

    @pytest.mark.parametrize("status", ["lost", "appeal_needs_response"])
    def test_an_end_stays_and_another_end_is_a_case(
        self, paid: PaymentAttempt, status: str
    ) -> None:
        apply(dispute("won"), dispute(status))

        assert Dispute.objects.get().state == D.WON
        assert open_cases() == [(CaseKind.STATE, "dp_ada")]


class TestOddAnswers:
    def test_an_unknown_payment_is_left_for_later(self, paid: PaymentAttempt) -> None:
        for intent_id in ("pi_other", ""):
            answer = dispute(intent_id=intent_id)
            assert not apply_dispute(answer=answer, actor="webhook", now=timezone.now())
        assert not Dispute.objects.exists()

    def test_an_unknown_status_keeps_the_state_and_alarms(self, paid: PaymentAttempt) -> None:
        apply(dispute("under_review"), dispute("settled_by_duel"))

        row = Dispute.objects.get()
        assert row.state == D.UNDER_REVIEW
        alert = Alert.objects.get(kind="dispute_status_unknown")
        assert (alert.subject_id, alert.closed_at) == (row.pk, None)
        assert "settled_by_duel" in alert.detail

        apply(dispute("won"))
        alert.refresh_from_db()
        assert alert.closed_at is not None

    def test_an_unknown_status_of_a_new_dispute_wants_a_response(
        self, paid: PaymentAttempt
    ) -> None:
        apply(dispute("settled_by_duel"))

        assert Dispute.objects.get().state == D.NEEDS_RESPONSE
        assert Alert.objects.filter(kind="dispute_status_unknown").exists()

    def test_a_part_of_the_payment_may_be_disputed(self, paid: PaymentAttempt) -> None:
        apply(dispute(amount_minor=900), dispute("lost", amount_minor=900))

        assert balances() == {"sales": -2195, "stripe": 1295, "losses": 900}

    def test_another_amount_counts_until_money_moves(self, paid: PaymentAttempt) -> None:
        apply(dispute("warning_needs_response", amount_minor=900), dispute(amount_minor=1000))
        assert Dispute.objects.get().amount_minor == 1000

        apply(dispute("lost", amount_minor=500))
        assert balances() == {"sales": -2195, "stripe": 1195, "losses": 1000}
        assert (CaseKind.AMOUNT, "dp_ada") in open_cases()

    def test_another_currency_is_a_case_and_not_booked(self, paid: PaymentAttempt) -> None:
        apply(dispute(currency="EUR"))

        assert balances() == PAID
        assert (CaseKind.AMOUNT, "dp_ada") in open_cases()

    def test_the_database_books_each_move_once(self, paid: PaymentAttempt) -> None:
        apply(dispute())
        row = LedgerEntry.objects.filter(source="dp_ada:withdrawn").first()
        assert row is not None
        row.pk = None

        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()


class TestLookUp:
    def test_applies_what_stripe_shows(self, paid: PaymentAttempt, fake: FakeDisputes) -> None:
        fake.disputes["dp_ada"] = dispute()
        fake.warnings["issfr_ada"] = warning()

        assert disputes.look_up_dispute(stripe_id="dp_ada", actor="webhook")
        assert disputes.look_up_fraud_warning(stripe_id="issfr_ada", actor="webhook")

        assert Dispute.objects.count() == FraudWarning.objects.count() == 1

    def test_leaves_silence_for_later(self, paid: PaymentAttempt, fake: FakeDisputes) -> None:
        assert not disputes.look_up_dispute(stripe_id="dp_ada", actor="webhook")
        assert not disputes.look_up_fraud_warning(stripe_id="issfr_ada", actor="webhook")


class TestFraudWarning:
    def test_is_recorded_and_told(self, paid: PaymentAttempt) -> None:
        for _ in range(2):
            assert apply_warning(answer=warning(), actor="webhook", now=timezone.now())

        row = FraudWarning.objects.get()
        assert (row.order_id, row.kind, row.is_actionable) == (
            paid.order_id,
            "made_with_stolen_card",
            True,
        )
        assert told("payment.fraud_") == ["warned"]
        assert open_cases() == [(CaseKind.FRAUD_WARNING, "issfr_ada")]

    def test_closes_its_case_when_nothing_can_be_done_any_more(self, paid: PaymentAttempt) -> None:
        for is_actionable in (True, False, True):
            answer = warning(is_actionable=is_actionable)
            apply_warning(answer=answer, actor="webhook", now=timezone.now())

        assert not FraudWarning.objects.get().is_actionable
        assert open_cases() == []
        assert told("payment.fraud_") == ["warned"]

    def test_that_cannot_be_acted_on_only_is_recorded(self, paid: PaymentAttempt) -> None:
        apply_warning(answer=warning(is_actionable=False), actor="x", now=timezone.now())

        assert FraudWarning.objects.exists()
        assert open_cases() == told("payment.fraud_") == []

    def test_of_an_unknown_payment_is_left_for_later(self, paid: PaymentAttempt) -> None:
        answer = warning(intent_id="")

        assert not apply_warning(answer=answer, actor="webhook", now=timezone.now())


class TestQueries:
    @pytest.mark.parametrize(
        ("status", "is_open", "summary", "stops"),
        [
            ("warning_needs_response", False, "disputed", True),
            ("needs_response", True, "disputed", True),
            ("under_review", True, "disputed", True),
            ("won", False, "paid", False),
            ("lost", False, "paid", True),
        ],
    )
    def test_follow_the_state(
        self, paid: PaymentAttempt, status: str, is_open: bool, summary: str, stops: bool
    ) -> None:
        apply(dispute(status))

        assert queries.has_open_dispute(attempt_id=paid.pk) == is_open
        assert queries.summaries([paid.order_id]) == {paid.order_id: summary}
        assert queries.stops_shipping(order_id=paid.order_id) == stops


class TestWatchdog:
    def alarms(self, after: timedelta) -> set[str]:
        sweeper.watch(now=timezone.now() + after)
        kinds = ("evidence_due", "dispute_stuck")
        rows = Alert.objects.filter(kind__in=kinds, closed_at__isnull=True)
        return set(rows.values_list("kind", flat=True))

    def test_alarms_two_days_before_the_last_moment_for_evidence(
        self, paid: PaymentAttempt
    ) -> None:
        apply(dispute(evidence_due_at=timezone.now() + timedelta(days=4)))

        assert self.alarms(timedelta(days=1)) == set()
        assert self.alarms(timedelta(days=2, minutes=1)) == {"evidence_due"}

        apply(dispute("under_review"))
        assert self.alarms(timedelta(days=2, minutes=1)) == set()

    def test_alarms_past_the_age_of_the_state(self, paid: PaymentAttempt) -> None:
        apply(dispute(evidence_due_at=None))

        assert self.alarms(timedelta(days=4)) == set()
        assert self.alarms(timedelta(days=6)) == {"dispute_stuck"}
