"""What Stripe could not deliver is fetched from its list of events."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from payments import gateways, jobs
from payments.gateways.events import NotAnswered
from payments.gateways.intents import Notice
from payments.models import Cursor, StripeEvent
from payments.services.event_sweep import CURSOR, FIRST_LOOK, OVERLAP, sweep_events
from payments.services.ranking import EVENT_TYPES
from tests.sandbox.stripe_process import SERVER_KEY, StripeProcess

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
# Stripe's own limit for one request.
MOST_TYPES = 20


def told(number: int) -> Notice:
    return Notice(
        event_id=f"evt_{number}",
        type="payment_intent.succeeded",
        intent_id="pi_ada",
        is_live=False,
        created=NOON,
        object_type="payment_intent",
        object_id="pi_ada",
    )


class FakeEvents:
    """Stripe's list: remembers how it was asked, and breaks off before its last event if told."""

    def __init__(self) -> None:
        self.notices = [told(2), told(1)]
        self.asked: list[tuple[Sequence[str], datetime, bool]] = []
        self.is_broken = False

    def events(
        self, *, types: Sequence[str], since: datetime, is_undelivered: bool
    ) -> Iterator[Notice]:
        self.asked.append((types, since, is_undelivered))
        yield from self.notices[:-1] if self.is_broken else self.notices
        if self.is_broken:
            raise NotAnswered("timeout")


@pytest.fixture
def stripe(monkeypatch: pytest.MonkeyPatch) -> FakeEvents:
    fake = FakeEvents()
    monkeypatch.setattr(gateways, "events", lambda: fake)
    return fake


def read_until() -> datetime:
    return Cursor.objects.get(name=CURSOR).read_until


@pytest.mark.django_db
class TestSweepEvents:
    def test_receives_each_event_once(self, stripe: FakeEvents) -> None:
        first = sweep_events(now=NOON)
        again = sweep_events(now=NOON + timedelta(minutes=5))

        assert (first.read, first.new) == (2, 2)
        assert (again.read, again.new) == (2, 0)
        assert StripeEvent.objects.filter(due_at__isnull=False).count() == 2

    def test_asks_for_what_we_use_and_was_not_delivered(self, stripe: FakeEvents) -> None:
        sweep_events(now=NOON)

        assert stripe.asked == [(EVENT_TYPES, NOON - FIRST_LOOK - OVERLAP, True)]
        assert len(EVENT_TYPES) <= MOST_TYPES

    def test_goes_on_where_it_ended_with_an_overlap(self, stripe: FakeEvents) -> None:
        sweep_events(now=NOON)
        sweep_events(now=NOON + timedelta(minutes=5))

        assert stripe.asked[1][1] == NOON - OVERLAP
        assert read_until() == NOON + timedelta(minutes=5)

    def test_begins_again_where_stripe_broke_off(self, stripe: FakeEvents) -> None:
        sweep_events(now=NOON)
        StripeEvent.objects.all().delete()
        stripe.is_broken = True

        with pytest.raises(NotAnswered):
            sweep_events(now=NOON + timedelta(minutes=5))

        assert StripeEvent.objects.count() == 1
        assert read_until() == NOON

    def test_fetches_everything_after_a_restore_and_keeps_its_place(
        self, stripe: FakeEvents
    ) -> None:
        sweep_events(now=NOON)
        since = NOON - timedelta(days=3)

        sweep_events(now=NOON + timedelta(hours=1), since=since)

        assert stripe.asked[1] == (EVENT_TYPES, since, False)
        assert read_until() == NOON

    def test_an_older_clock_does_not_take_the_place_back(self, stripe: FakeEvents) -> None:
        sweep_events(now=NOON)
        sweep_events(now=NOON - timedelta(hours=1))

        assert read_until() == NOON


@pytest.mark.django_db
class TestCommand:
    def test_tells_what_it_found(self, stripe: FakeEvents) -> None:
        out = StringIO()
        call_command("stripe_events", stdout=out)
        assert out.getvalue().startswith("2 undelivered events since")
        assert "2 of them new" in out.getvalue()

    def test_takes_a_date(self, stripe: FakeEvents) -> None:
        out = StringIO()
        call_command("stripe_events", "--since", "2026-02-01", stdout=out)
        assert out.getvalue() == "2 events since 2026-02-01 00:00Z, 2 of them new\n"

    def test_says_that_stripe_broke_off(self, stripe: FakeEvents) -> None:
        stripe.is_broken = True
        with pytest.raises(CommandError) as caught:
            call_command("stripe_events")
        assert caught.value.returncode == 2


@pytest.mark.django_db
class TestJob:
    def test_sweeps_and_survives_silence(self, stripe: FakeEvents) -> None:
        jobs.sweep_events()
        assert read_until() <= timezone.now()
        stripe.is_broken = True
        jobs.sweep_events()


@pytest.mark.django_db
class TestOnTheWire:
    def test_finds_what_the_sandbox_could_not_deliver(self, tmp_path: Path, settings: Any) -> None:
        with StripeProcess(tmp_path, webhook_url="http://127.0.0.1:9/nobody") as process:
            settings.STRIPE_API_BASE = process.url
            settings.STRIPE_SECRET_KEY = SERVER_KEY
            intent = process.held(2195)
            process.client().v1.payment_intents.capture(intent.id)

            found = sweep_events(now=timezone.now())
            again = sweep_events(now=timezone.now(), since=timezone.now() - timedelta(1))

        types = set(StripeEvent.objects.filter(object_id=intent.id).values_list("type", flat=True))
        held, taken = "payment_intent.amount_capturable_updated", "payment_intent.succeeded"
        assert types == {held, taken}
        assert (found.new, again.new) == (2, 0)
