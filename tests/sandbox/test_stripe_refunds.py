"""Captured money goes back, once, and never more of it than was captured."""

from collections.abc import Iterator

import pytest
import stripe

from tests.sandbox.stripe_process import StripeProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    with StripeProcess(tmp_path_factory.mktemp("stripe")) as process:
        yield process


class TestRefund:
    def test_parts_add_up_to_the_whole(self, server: StripeProcess) -> None:
        client = server.client()
        made = server.held(capture_method="automatic")

        part = client.v1.refunds.create(
            {"payment_intent": made.id, "amount": 300, "reason": "requested_by_customer"}
        )
        rest = client.v1.refunds.create({"charge": str(made.latest_charge)})

        assert (part.amount, part.status, rest.amount) == (300, "succeeded", 700)
        assert server.line(made.id)["refunded_minor"] == 1000
        listed = client.v1.refunds.list({"payment_intent": made.id})
        assert [one.id for one in listed.data] == [rest.id, part.id]
        assert client.v1.refunds.retrieve(part.id).reason == "requested_by_customer"

    def test_more_than_is_left_is_refused(self, server: StripeProcess) -> None:
        client = server.client()
        made = server.held()
        client.v1.payment_intents.capture(made.id, {"amount_to_capture": 600})
        client.v1.refunds.create({"payment_intent": made.id, "amount": 500})

        with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
            client.v1.refunds.create({"payment_intent": made.id, "amount": 101})

        assert server.line(made.id)["refunded_minor"] == 500

    def test_nothing_is_left_after_all_of_it(self, server: StripeProcess) -> None:
        client = server.client()
        made = server.held(capture_method="automatic")
        client.v1.refunds.create({"payment_intent": made.id})

        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.refunds.create({"payment_intent": made.id})

        assert caught.value.code == "charge_already_refunded"
        assert server.line(made.id)["refunded_minor"] == 1000

    def test_a_hold_is_canceled_and_not_refunded(self, server: StripeProcess) -> None:
        made = server.held()

        with pytest.raises(stripe.InvalidRequestError, match="not been captured"):
            server.client().v1.refunds.create({"payment_intent": made.id})

    def test_what_was_never_paid_is_refused(self, server: StripeProcess) -> None:
        made = server.client().v1.payment_intents.create({"amount": 500, "currency": "gbp"})

        with pytest.raises(stripe.InvalidRequestError, match="does not have a successful charge"):
            server.client().v1.refunds.create({"payment_intent": made.id})

    def test_its_metadata_may_be_changed(self, server: StripeProcess) -> None:
        made = server.held(capture_method="automatic")
        refund = server.client().v1.refunds.create(
            {"payment_intent": made.id, "metadata": {"a": "1", "b": "2"}}
        )

        changed = server.client().v1.refunds.update(refund.id, {"metadata": {"a": "", "c": "3"}})

        assert changed.metadata is not None
        assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
