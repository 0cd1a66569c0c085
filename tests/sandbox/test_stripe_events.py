"""The list of events finds what was not taken; endpoints made by API choose what is sent."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.sandbox.stripe_process import Inbox, StripeProcess, wait_for
from tests.sandbox.test_stripe_contract import faults_of

URL = "https://shop.example/webhooks/stripe"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


@pytest.fixture
def server(tmp_path: Path, inbox: Inbox) -> Iterator[StripeProcess]:
    with StripeProcess(tmp_path, webhook_url=inbox.url) as process:
        yield process


def listed(server: StripeProcess, **params: Any) -> list[str]:
    """Return the types of the listed events, newest first."""
    found = server.client().v1.events.list({"limit": 100, **params})  # type: ignore[typeddict-item]
    return [event.type for event in found.data]


class TestEvents:
    def test_what_was_not_taken_is_found(self, server: StripeProcess, inbox: Inbox) -> None:
        inbox.refuse = 1000
        made = server.held()
        wait_for(lambda: len(inbox.refused) >= 2)

        waiting = [
            event.data.object["id"]
            for event in server.client().v1.events.list({"delivery_success": False}).data
        ]
        assert waiting == [made.id, made.id]

        inbox.refuse = 0
        wait_for(lambda: listed(server, delivery_success=False) == [])
        assert set(listed(server, delivery_success=True)) == {
            "payment_intent.created",
            "payment_intent.amount_capturable_updated",
            "charge.succeeded",
        }

    def test_what_nobody_wanted_is_not_missing(self, server: StripeProcess, inbox: Inbox) -> None:
        server.held()
        wait_for(lambda: len(inbox.got) == 2)

        wait_for(lambda: listed(server, delivery_success=False) == [])
        assert "charge.succeeded" in listed(server)

    def test_what_got_lost_is_found(self, server: StripeProcess) -> None:
        server.fault("webhook.refund.created", "never")
        made = server.held(capture_method="automatic")
        server.client().v1.refunds.create({"payment_intent": made.id})

        wait_for(lambda: listed(server, delivery_success=False) == ["refund.created"])

    def test_by_type_and_time(self, server: StripeProcess) -> None:
        made = server.held(capture_method="automatic")
        server.client().v1.refunds.create({"payment_intent": made.id})

        assert listed(server, types=["refund.created", "charge.refunded"]) == [
            "charge.refunded",
            "refund.created",
        ]
        assert listed(server, type="charge.*") == ["charge.refunded", "charge.succeeded"]
        assert listed(server, type="refund.created") == ["refund.created"]
        assert listed(server, created={"gte": 2**33}) == []
        assert listed(server, created={"lte": 2**33}, type="refund.*") == ["refund.created"]
        with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
            listed(server, type="refund.created", types=["refund.created"])
        with pytest.raises(stripe.InvalidRequestError, match="up to 20"):
            listed(server, types=["refund.created"] * 21)

    def test_forwards_and_backwards(self, server: StripeProcess) -> None:
        client = server.client()
        server.held(capture_method="automatic")
        everything = [event.id for event in client.v1.events.list({}).data]

        after = client.v1.events.list({"starting_after": everything[0], "limit": 1})
        newer = client.v1.events.list({"ending_before": everything[-1], "limit": 1})
        newest = client.v1.events.list({"ending_before": everything[0]})

        assert ([e.id for e in after.data], after.has_more) == ([everything[1]], True)
        assert ([e.id for e in newer.data], newer.has_more) == ([everything[-2]], True)
        assert (newest.data, newest.has_more) == ([], False)


class TestEndpoints:
    def made(self, server: StripeProcess, *types: str, **more: Any) -> stripe.WebhookEndpoint:
        params = {"url": URL, "enabled_events": list(types), **more}
        return server.client().v1.webhook_endpoints.create(params)  # type: ignore[arg-type]

    def test_the_secret_is_shown_once(self, server: StripeProcess) -> None:
        client = server.client()
        made = self.made(
            server, "payment_intent.succeeded", api_version="2026-10-28.endive",
            metadata={"shop": "a"}, description="ours",
        )  # fmt: skip
        assert made.secret is not None
        assert made.secret.startswith("whsec_")

        found = client.v1.webhook_endpoints.retrieve(made.id)

        assert "secret" not in found
        assert (found.url, found.status, found.api_version) == (URL, "enabled", "2026-10-28.endive")
        assert found.enabled_events == ["payment_intent.succeeded"]
        assert [one.id for one in client.v1.webhook_endpoints.list({}).data] == [made.id]
        plain = server.call("GET", f"/v1/webhook_endpoints/{made.id}").json
        required = faults_of(plain, stripe.WebhookEndpoint, "endpoint", is_whole=False)
        assert required == []

    def test_only_enabled_types_are_sent(self, server: StripeProcess, inbox: Inbox) -> None:
        self.made(server, "charge.succeeded", "refund.created")
        made = server.held(capture_method="automatic")
        server.client().v1.refunds.create({"payment_intent": made.id})

        wait_for(lambda: len(inbox.got) == 2)

        assert sorted(inbox.types()) == ["charge.succeeded", "refund.created"]

    def test_both_secrets_sign(self, server: StripeProcess, inbox: Inbox) -> None:
        made = self.made(server, "*")
        server.held()
        wait_for(lambda: inbox.got)
        body, signature = inbox.got[0]

        for secret in ("whsec_tests", str(made.secret)):
            assert stripe.Webhook.construct_event(body, signature, secret).id

    def test_a_disabled_one_gets_nothing_until_it_is_deleted(
        self, server: StripeProcess, inbox: Inbox
    ) -> None:
        client = server.client()
        made = self.made(server, "*")
        assert client.v1.webhook_endpoints.update(made.id, {"disabled": True}).status == "disabled"
        silent = server.held()

        gone = client.v1.webhook_endpoints.delete(made.id)

        assert gone.deleted
        told = server.held()
        wait_for(lambda: len(inbox.events(told.id)) == 2)
        assert inbox.events(silent.id) == []
        assert client.v1.webhook_endpoints.list({}).data == []
        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.webhook_endpoints.retrieve(made.id)
        assert caught.value.code == "resource_missing"

    def test_its_types_may_be_changed(self, server: StripeProcess, inbox: Inbox) -> None:
        made = self.made(server, "refund.created")

        changed = server.client().v1.webhook_endpoints.update(
            made.id, {"enabled_events": ["payment_intent.created"], "metadata": {"v": "2"}}
        )

        assert changed.enabled_events == ["payment_intent.created"]
        assert changed.metadata.to_dict() == {"v": "2"}
        server.held()
        wait_for(lambda: inbox.types() == ["payment_intent.created"])

    @pytest.mark.parametrize(
        ("params", "param"),
        [
            ({"url": "shop.example", "enabled_events": ["*"]}, "url"),
            ({"url": URL, "enabled_events": ["payment_intnt.succeeded"]}, "enabled_events[0]"),
            ({"url": URL, "enabled_events": []}, "enabled_events"),
        ],
    )
    def test_a_slip_is_refused(
        self, server: StripeProcess, params: dict[str, Any], param: str
    ) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            server.client().v1.webhook_endpoints.create(params)  # type: ignore[arg-type]

        assert caught.value.param == param
