"""manage.py stripe_webhook"""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from payments.gateways.events import NotAnswered
from payments.services.endpoints import Inspection, inspect_endpoint, mend_endpoint

FOUND, BROKEN = 1, 2


class Command(BaseCommand):
    help = (
        "Check the webhook endpoint at Stripe; with --apply create or correct it, so that it sends "
        "just the events that are used. "
        f"Exit code {FOUND} where something is wrong, {BROKEN} where Stripe did not answer."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", help="default: /webhooks/stripe/ at BASE_URL")
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--check", action="store_true", help="change nothing (the default)")
        mode.add_argument("--apply", action="store_true", help="create or correct the endpoint")

    def handle(self, *args: Any, **options: Any) -> None:
        url = options["url"] or settings.BASE_URL.rstrip("/") + reverse("payments:stripe-webhook")
        try:
            inspection = inspect_endpoint(url=url)
        except NotAnswered as error:
            raise CommandError(f"Stripe did not answer ({error}).", returncode=BROKEN) from error
        self._print(url, inspection)
        if options["apply"] and inspection.mendable:
            self._mend(url, inspection)
            inspection = Inspection(inspection.endpoint, [], inspection.unmendable)
        if not inspection.is_good:
            raise SystemExit(FOUND)

    def _print(self, url: str, inspection: Inspection) -> None:
        name = inspection.endpoint.id if inspection.endpoint else "no endpoint"
        verdict = "as it should be" if inspection.is_good else "not as it should be"
        self.stdout.write(f"{url}: {name}, {verdict}")
        for wrong in (*inspection.mendable, *inspection.unmendable):
            self.stdout.write(f"  {wrong}")
        for other in inspection.others:
            state = "enabled" if other.is_enabled else "disabled"
            self.stdout.write(f"  also there: {other.id}, {state}, {other.url}")

    def _mend(self, url: str, inspection: Inspection) -> None:
        try:
            endpoint = mend_endpoint(url=url, inspection=inspection)
        except NotAnswered as error:
            hint = "It may have been done all the same: " if error.is_unknown else ""
            raise CommandError(
                f"Stripe did not answer ({error}). {hint}look at the endpoint in the dashboard; "
                "the secret of one that was made unseen is shown there.",
                returncode=BROKEN,
            ) from error
        if inspection.endpoint is not None:
            self.stdout.write(f"Corrected {endpoint.id}. Its secret stays.")
            return
        self.stdout.write(
            f"Created {endpoint.id}. Stripe shows its secret this once. Put it into the "
            "environment of the web processes, and restart them:\n"
            f"  STRIPE_WEBHOOK_SECRET={endpoint.secret}"
        )
