"""manage.py stripe_events"""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from globalmart.core.management.commands.reconcile import moment
from payments.gateways.events import NotAnswered
from payments.services.event_sweep import sweep_events

BROKEN = 2


class Command(BaseCommand):
    help = (
        "Fetch the events that Stripe's webhooks could not deliver, as the clock does every five "
        f"minutes. Exit code {BROKEN} where Stripe did not answer to the end."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since",
            type=moment,
            metavar="DATE",
            help="fetch all events since then (UTC), delivered or not: after a restore. Stripe "
            "keeps 30 days",
        )

    def handle(self, *args: Any, since: datetime | None, **options: Any) -> None:
        try:
            found = sweep_events(now=timezone.now(), since=since)
        except NotAnswered as error:
            raise CommandError(
                f"Stripe did not answer to the end ({error}). What was read is stored; run the "
                "same command again.",
                returncode=BROKEN,
            ) from error
        kind = "undelivered events" if since is None else "events"
        self.stdout.write(
            f"{found.read:,} {kind} since {found.since:%Y-%m-%d %H:%M}Z, {found.new:,} of them new"
        )
