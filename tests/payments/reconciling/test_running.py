"""The comparison as it is started: by the clock, in parts, and by hand."""

import time
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from globalmart.core.choreography import wiring
from globalmart.core.reconciliation import Unfinished
from orders.models import Order
from payments import gateways, jobs
from payments.gateways import stripe_lists
from payments.gateways.lists import ListBroken
from payments.models import BalanceTransaction, Cursor, OrderAccount, PaymentAttempt, PaymentCase
from payments.queries.reconciliation import (
    RECENT,
    WHOLE_FROM,
    WHOLE_UNTIL,
    has_due_reconciliation,
    list_late_reconciliations,
)
from payments.services.cases import close_case, open_case
from payments.services.planning import plan_cancel
from payments.services.reconciling import intents, matching, mending, rechecking, running
from payments.services.reconciling.healing import MOST_SILENT, Run
from payments.states import AttemptState, CaseKind
from tests import builders
from tests.payments.conftest import attempt_of, send
from tests.payments.reconciling.conftest import (
    cases,
    compare,
    intent_of,
    make_intent,
    status_of,
)
from tests.sandbox.stripe_process import StripeProcess

HOUR = timedelta(hours=1)


@pytest.fixture
def silent(server: StripeProcess, monkeypatch: pytest.MonkeyPatch) -> StripeProcess:
    """A Stripe whose lists do not come, and nobody who waits for them."""
    monkeypatch.setattr(stripe_lists, "PAUSES", (0.0, 0.0))
    server.fault("payment_intents.list", "error_before", count=100)
    server.fault("events.list", "error_before", count=100)
    return server


def recent(*, minutes: int = 1) -> Any:
    """Compare what is recent, a minute from now: Stripe's clock has whole seconds."""
    return running.reconcile_recent(now=timezone.now() + timedelta(minutes=minutes))


class TestRecent:
    def test_heals_what_an_event_told_of(self, server: StripeProcess, held: Order) -> None:
        server.call("POST", f"/v1/payment_intents/{intent_of(held)}/capture")

        report = recent()

        assert (dict(report.found), report.unhealed) == ({CaseKind.STATE: 1}, 0)
        assert OrderAccount.objects.get(order=held).captured_minor == 2195
        assert BalanceTransaction.objects.count() == 1

    def test_finds_a_stray_that_nobody_looked_for(
        self, server: StripeProcess, held: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stray = make_intent(server, held, confirm=True)
        young = recent()
        left = status_of(server, stray), cases()
        monkeypatch.setattr(mending, "YOUNG", -HOUR)
        old = recent()

        # What is young is only told of: our own creation may be on its way back to us.
        assert (dict(young.found), young.unhealed) == ({CaseKind.ORPHAN_HOLD: 1}, 1)
        assert left == ("requires_capture", [(CaseKind.ORPHAN_HOLD, stray)])
        assert (dict(old.found), old.unhealed) == ({CaseKind.ORPHAN_HOLD: 1}, 0)
        assert (status_of(server, stray), cases()) == ("canceled", [])
        assert dict(recent().found) == {}

    def test_has_the_stray_of_an_ended_attempt_cancelled(
        self, server: StripeProcess, order: Order
    ) -> None:
        plan_cancel(order_id=order.pk, now=timezone.now())
        stray = make_intent(server, order)

        report = recent()
        send(order, "cancel")

        assert (dict(report.found), report.unhealed) == ({CaseKind.MISSING_HERE: 1}, 0)
        assert (status_of(server, stray), cases()) == ("canceled", [])

    def test_looks_at_what_moves_even_where_no_event_told_of_it(
        self, server: StripeProcess, held: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.call("POST", f"/v1/payment_intents/{intent_of(held)}/capture")
        lists = gateways.lists()
        monkeypatch.setattr(lists, "changed_intents", lambda **_: iter(()), raising=False)

        assert dict(recent().found) == {CaseKind.STATE: 1}

    def test_begins_again_where_stripe_did_not_answer(
        self, silent: StripeProcess, held: Order
    ) -> None:
        with pytest.raises(Unfinished):
            recent()
        before = Cursor.objects.get(name=RECENT).read_until
        jobs.reconcile_recent()

        assert Cursor.objects.get(name=RECENT).read_until == before
        assert before < timezone.now() - timedelta(minutes=30)

    def test_goes_on_from_where_it_was(self, held: Order) -> None:
        recent()
        first = Cursor.objects.get(name=RECENT).read_until

        assert first > timezone.now()
        assert recent(minutes=10).compared["intents"] == 1
        assert recent(minutes=15).compared["intents"] == 0


class TestOneThing:
    """What cannot be looked at stops nothing else."""

    def broken(self, how: Exception) -> Any:
        def look() -> Any:
            raise how

        return look

    def test_that_breaks_is_counted_and_the_next_goes_on(self) -> None:
        run = Run(now=timezone.now(), apply=True)

        outcomes = [
            run.settle(self.broken(ValueError("odd"))),
            run.settle(self.broken(ListBroken("re_gone is not shown"))),
            run.settle(lambda: None),
        ]

        assert (outcomes, run.report.unfinished) == ([False, False, True], 2)

    def test_after_another_that_stripe_does_not_show_ends_the_run(self) -> None:
        run = Run(now=timezone.now(), apply=True)
        for _ in range(MOST_SILENT - 1):
            run.settle(self.broken(ListBroken("silence")))

        with pytest.raises(ListBroken):
            run.settle(self.broken(ListBroken("silence")))

    def test_is_not_begun_when_the_time_is_over(self) -> None:
        run = Run(now=timezone.now(), apply=True, ends=time.monotonic() - 1)

        with pytest.raises(ListBroken):
            run.settle(lambda: None)

    def test_whose_case_cannot_be_looked_at_keeps_it(self, held: Order) -> None:
        for kind, subject in (
            (CaseKind.STATE, "re_that_stripe_does_not_know"),
            (CaseKind.STATE, "no form of an id"),
        ):
            open_case(kind=kind, subject=subject, detail="once seen")

        report = recent()

        assert (report.unfinished, len(cases())) == (1, 2)

    def test_takes_its_turn_where_there_are_more(
        self, db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rechecking, "MOST_CASES", 2)
        for number in range(3):
            open_case(kind=CaseKind.STATE, subject=f"odd {number}", detail="once seen")
            moment = timezone.now() - timedelta(days=9 - number)
            PaymentCase.objects.filter(subject=f"odd {number}").update(opened_at=moment)
        run = Run(now=timezone.now(), apply=True)

        turns = [[case.subject for case in rechecking._whose_turn_it_is(run)] for _ in range(3)]

        assert turns == [["odd 0", "odd 1"], ["odd 2", "odd 0"], ["odd 1", "odd 2"]]


class TestAttempts:
    def test_of_a_window_are_all_read_in_pages(
        self, db: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        builders.open_shop()
        builders.add_product(on_hand=100)
        for number in range(5):
            builders.place(key=f"key-{number}-of-many")
        # Two of the five began at the same moment, and the last of all first.
        early, same = timezone.now() - 2 * HOUR, timezone.now() - HOUR
        keys = list(PaymentAttempt.objects.order_by("pk").values_list("pk", flat=True))
        PaymentAttempt.objects.filter(pk__in=keys[1:3]).update(created_at=same)
        PaymentAttempt.objects.filter(pk=keys[4]).update(created_at=early)
        monkeypatch.setattr(matching, "PAGE", 2)

        read = [each.pk for each in matching.by_time(PaymentAttempt.objects.all())]

        assert read == [keys[4], keys[1], keys[2], keys[0], keys[3]]


class TestStaff:
    def test_has_closed_a_case_that_does_not_come_back(
        self, server: StripeProcess, held: Order
    ) -> None:
        stray = make_intent(server, None)
        compare(apply=True)
        now = timezone.now()
        for closed_by in ("system", "staff:7"):
            close_case(
                kind=CaseKind.MISSING_HERE,
                subject=stray,
                closed_by=closed_by,
                resolution="seen",
                now=now,
            )
            compare(apply=True)

        rows = PaymentCase.objects.filter(subject=stray).order_by("pk")
        assert list(rows.values_list("closed_by", flat=True)) == ["system", "staff:7"]

        rows.filter(closed_by="staff:7").update(their_minor=1)
        compare(apply=True)
        assert cases() == [(CaseKind.MISSING_HERE, stray)]


class TestParts:
    def test_of_what_is_recent_are_remembered_one_by_one(
        self, server: StripeProcess, held: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begin = timezone.now() - 5 * HOUR
        Cursor.objects.create(name=RECENT, read_until=begin)
        real, asked = running.disputes.compare_window, list[Any]()

        def silent_at_last(run: Any, *, since: Any, until: Any) -> None:
            asked.append(since)
            if len(asked) == 3:
                raise ListBroken("silence")
            real(run, since=since, until=until)

        monkeypatch.setattr(running.disputes, "compare_window", silent_at_last)
        with pytest.raises(Unfinished):
            recent()

        assert Cursor.objects.get(name=RECENT).read_until == asked[2]


class TestWhole:
    def begin(self) -> None:
        running.begin_whole(now=timezone.now() + HOUR)

    def go_on(self, *, seconds: float = 600) -> Any:
        now = timezone.now() + HOUR
        return running.continue_whole(now=now, budget=timedelta(seconds=seconds) - HOUR)

    def test_goes_back_to_the_oldest_that_is_open(self, held: Order) -> None:
        old = timezone.now() - timedelta(days=100)
        PaymentAttempt.objects.update(created_at=old)
        self.begin()

        assert Cursor.objects.get(name=WHOLE_FROM).read_until == old

    def test_is_done_in_parts_and_then_not_due(
        self, server: StripeProcess, held: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make_intent(server, None)
        self.begin()
        Cursor.objects.filter(name=WHOLE_FROM).update(read_until=timezone.now() - 5 * HOUR)
        parts = 0
        while has_due_reconciliation(now=timezone.now()):
            running.continue_whole(now=timezone.now() - HOUR, budget=timedelta(0))
            parts += 1
            assert parts < 20

        assert parts > 2
        assert PaymentCase.objects.get().kind == CaseKind.MISSING_HERE
        assert running.continue_whole(now=timezone.now(), budget=HOUR) is None
        at = {row.name: row.read_until for row in Cursor.objects.all()}
        assert at[WHOLE_FROM] == at[WHOLE_UNTIL]

    def test_is_not_done_where_stripe_did_not_answer(
        self, silent: StripeProcess, held: Order
    ) -> None:
        self.begin()
        jobs.reconcile_whole()

        assert has_due_reconciliation(now=timezone.now())

    def test_takes_smaller_parts_where_there_is_much(
        self, server: StripeProcess, held: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(5):
            make_intent(server, held)
        monkeypatch.setattr(running, "MANY", 2)
        sizes: list[timedelta] = []
        original = intents.compare_window

        def spy(run: Any, *, since: Any, until: Any, most: int) -> int:
            sizes.append(until - since)
            return original(run, since=since, until=until, most=most)

        monkeypatch.setattr(running.intents, "compare_window", spy)

        assert compare().found[CaseKind.MISSING_HERE] == 5
        assert min(sizes) == running.LEAST_PART


class TestPages:
    def test_all_pages_are_read(
        self, server: StripeProcess, held: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stripe_lists, "PAGE", 2)
        made = {make_intent(server, None) for _ in range(5)} | {intent_of(held)}
        since, until = timezone.now() - HOUR, timezone.now() + HOUR

        found = list(gateways.lists().intents(since=since, until=until))

        assert {each.intent.id for each in found} == made
        assert len(found) == len(made)
        assert list(gateways.lists().intents(since=until, until=until + HOUR)) == []

    def test_a_page_is_asked_for_again(
        self, server: StripeProcess, held: Order, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(stripe_lists, "PAUSES", (0.0, 0.0))
        server.fault("payment_intents.list", "drop_before", count=2)

        assert compare().compared["intents"] == 1

    def test_a_page_that_does_not_come_proves_nothing(
        self, silent: StripeProcess, held: Order
    ) -> None:
        with pytest.raises(Unfinished):
            compare(apply=True)

        assert cases() == []
        assert attempt_of(held).state == AttemptState.AUTHORIZED

    def test_more_that_is_never_given_ends(self, monkeypatch: pytest.MonkeyPatch) -> None:
        page = {"data": [], "has_more": True}
        reply = stripe_lists.Reply(raw=page)
        monkeypatch.setattr(stripe_lists, "ask", lambda call: reply)

        with pytest.raises(ListBroken):
            list(stripe_lists._read_all(lambda params: None, {}, lambda raw: raw))

    def test_what_cannot_be_read_is_not_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        page = {"data": [{"id": "pi_1"}], "has_more": False}
        monkeypatch.setattr(stripe_lists, "ask", lambda call: stripe_lists.Reply(raw=page))

        with pytest.raises(ListBroken, match="pi_1"):
            list(stripe_lists._read_all(lambda params: None, {}, stripe_lists._intent))


class TestLateness:
    def test_is_told_where_a_comparison_does_not_get_ahead(self, db: None) -> None:
        now = timezone.now()
        Cursor.objects.create(name=RECENT, read_until=now - HOUR / 2)
        Cursor.objects.create(name=WHOLE_FROM, read_until=now - 2 * timedelta(days=1))

        (late,) = list_late_reconciliations(now=now)

        assert (late.kind, late.subject_type) == ("reconciliation_late", "shop")
        assert WHOLE_FROM in late.detail


class TestTheClock:
    def test_starts_what_may_be_late(self) -> None:
        assert {
            ("globalmart.core.jobs.prune", "17 3 * * *"),
            ("payments.jobs.reconcile_recent", "*/5 * * * *"),
            ("payments.jobs.begin_reconciliation", "37 2 * * *"),
        } <= {(timed.job, timed.cron) for timed in wiring().timed}


class TestCommand:
    @pytest.fixture(autouse=True)
    def two_hours_later(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = timezone.now
        monkeypatch.setattr(timezone, "now", lambda: real() + 2 * HOUR)

    def run(self, *arguments: str) -> tuple[int, str]:
        out = StringIO()
        try:
            call_command("reconcile", "payments", *arguments, stdout=out)
        except SystemExit as ended:
            return int(ended.code or 0), out.getvalue()
        return 0, out.getvalue()

    def test_says_what_was_compared(self, held: Order) -> None:
        code, text = self.run("--apply")

        assert code == 0
        assert "1 intents" in text
        assert "Nothing differs." in text

    def test_ends_with_1_where_differences_are_left(
        self, server: StripeProcess, held: Order
    ) -> None:
        stray = make_intent(server, None)

        code, text = self.run()

        assert code == 1
        assert "missing_here" in text
        assert stray in text
        assert "Nothing was changed" in text
        assert cases() == []

    def test_ends_with_0_where_all_is_healed(self, server: StripeProcess, held: Order) -> None:
        make_intent(server, held)

        code, text = self.run("--apply")

        assert (code, "All of it is healed." in text) == (0, True)

    def test_compares_since_a_day(self, server: StripeProcess, held: Order) -> None:
        make_intent(server, None)
        since = (timezone.now() - HOUR).isoformat()

        assert self.run("--since", since)[0] == 0
        assert self.run("--since", "2026-11-01T14:30")[0] == 1

    def test_refuses_a_day_that_is_none(self) -> None:
        with pytest.raises(CommandError, match="2026-11-01"):
            call_command("reconcile", "payments", "--since", "yesterday")
        with pytest.raises(CommandError, match="after now"):
            call_command("reconcile", "payments", "--since", "2999-01-01")

    def test_ends_with_2_where_stripe_does_not_answer(
        self, silent: StripeProcess, held: Order
    ) -> None:
        with pytest.raises(CommandError, match="nothing is proven") as ended:
            call_command("reconcile", "payments", stdout=StringIO())

        assert ended.value.returncode == 2
