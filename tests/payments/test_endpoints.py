"""The endpoint at Stripe: compared with what we use, created, corrected; at the sandbox."""

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from payments import gateways
from payments.gateways.events import Endpoint
from payments.services.endpoints import Inspection, compare
from payments.services.ranking import EVENT_TYPES
from tests.sandbox.stripe_process import SERVER_KEY, StripeProcess

URL = "https://shop.example/webhooks/stripe/"
VERSION = "2026-10-28.endive"


def endpoint(**changes: object) -> Endpoint:
    values = {"types": EVENT_TYPES, "is_enabled": True, "api_version": VERSION, **changes}
    return Endpoint(id=values.pop("id", "we_ours"), url=values.pop("url", URL), **values)  # type: ignore[arg-type]


def inspect(*endpoints: Endpoint) -> Inspection:
    return compare(endpoints, url=URL, api_version=VERSION)


class TestCompare:
    def test_is_content_with_what_we_would_make(self) -> None:
        assert inspect(endpoint()).is_good

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"types": EVENT_TYPES[1:]}, f"does not send {EVENT_TYPES[0]}"),
            ({"types": (*EVENT_TYPES, "customer.created")}, "nobody uses: customer.created"),
            ({"types": ("*",)}, "every type of event"),
            ({"is_enabled": False}, "disabled"),
        ],
    )
    def test_names_what_it_can_mend(self, changes: dict, said: str) -> None:
        found = inspect(endpoint(**changes))

        assert [said in wrong for wrong in found.mendable] == [True]
        assert not found.is_good

    def test_misses_an_endpoint(self) -> None:
        found = inspect(endpoint(url="https://other.example/hook"))

        assert found.endpoint is None
        assert found.mendable == [f"there is no endpoint for {URL}"]
        assert [each.url for each in found.others] == ["https://other.example/hook"]

    @pytest.mark.parametrize("version", ["2024-06-20", ""])
    def test_cannot_mend_another_version(self, version: str) -> None:
        found = inspect(endpoint(api_version=version))

        assert len(found.unmendable) == 1
        assert VERSION in found.unmendable[0]

    def test_cannot_mend_two_for_one_address(self) -> None:
        assert "we_second" in inspect(endpoint(), endpoint(id="we_second")).unmendable[0]


@pytest.fixture
def sandbox(tmp_path: Path, settings: Any) -> Iterator[StripeProcess]:
    with StripeProcess(tmp_path) as process:
        settings.STRIPE_API_BASE = process.url
        settings.STRIPE_SECRET_KEY = SERVER_KEY
        settings.BASE_URL = "https://shop.example"
        yield process


def run(*arguments: str, code: int = 0) -> str:
    out = StringIO()
    if code:
        with pytest.raises(SystemExit) as caught:
            call_command("stripe_webhook", *arguments, stdout=out)
        assert caught.value.code == code
    else:
        call_command("stripe_webhook", *arguments, stdout=out)
    return out.getvalue()


class TestCommand:
    def test_creates_shows_the_secret_once_and_is_content_then(
        self, sandbox: StripeProcess
    ) -> None:
        assert "there is no endpoint" in run(code=1)
        made = run("--apply")
        again = run("--apply")

        assert "STRIPE_WEBHOOK_SECRET=whsec_" in made
        assert "as it should be" in again
        assert "whsec_" not in again
        assert "as it should be" in run("--check")

    def test_creates_in_the_version_that_we_read(self, sandbox: StripeProcess) -> None:
        run("--apply")

        (made,) = gateways.events().endpoints()
        assert made.api_version == gateways.events().api_version
        assert set(made.types) == set(EVENT_TYPES)

    def test_corrects_types_and_enables(self, sandbox: StripeProcess) -> None:
        run("--apply")
        (made,) = gateways.events().endpoints()
        sandbox.client().v1.webhook_endpoints.update(
            made.id, {"enabled_events": ["charge.captured"], "disabled": True}
        )

        assert "it is disabled" in run(code=1)
        corrected = run("--apply")

        assert "Corrected" in corrected
        assert "whsec_" not in corrected
        (made,) = gateways.events().endpoints()
        assert (made.is_enabled, set(made.types)) == (True, set(EVENT_TYPES))

    def test_takes_another_address_and_names_the_rest(self, sandbox: StripeProcess) -> None:
        run("--apply")

        said = run("--url", "https://new.example/webhooks/stripe/", code=1)

        assert "also there: we_" in said
        assert "https://shop.example/webhooks/stripe/" in said

    def test_says_that_stripe_did_not_answer(self, settings: Any) -> None:
        settings.STRIPE_API_BASE = "http://127.0.0.1:9"
        with pytest.raises(CommandError) as caught:
            call_command("stripe_webhook")
        assert caught.value.returncode == 2

    def test_says_so_where_the_answer_to_a_creation_is_lost(self, sandbox: StripeProcess) -> None:
        sandbox.fault("webhook_endpoints.create", "error_after_apply")
        with pytest.raises(CommandError, match="may have been done") as caught:
            run("--apply")
        assert caught.value.returncode == 2
