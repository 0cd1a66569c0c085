"""Lists are filtered, paged and expanded as at Stripe, so that books can be compared by them."""

from collections.abc import Iterator

import pytest
import stripe

from tests.sandbox.stripe_process import StripeProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    with StripeProcess(tmp_path_factory.mktemp("stripe")) as process:
        yield process


def paid(server: StripeProcess, **params: object) -> stripe.PaymentIntent:
    return server.held(capture_method="automatic", **params)


class TestIntents:
    def test_metadata_and_the_expanded_charge(self, server: StripeProcess) -> None:
        made = paid(server, metadata={"order_id": "o-1"})

        listed = server.client().v1.payment_intents.list(
            {"limit": 1, "expand": ["data.latest_charge", "data.latest_charge.balance_transaction"]}
        )

        (found,) = listed.data
        assert found.id == made.id
        assert found.metadata is not None
        assert found.metadata.to_dict() == {"order_id": "o-1"}
        assert isinstance(found.latest_charge, stripe.Charge)
        assert isinstance(found.latest_charge.balance_transaction, stripe.BalanceTransaction)

    def test_every_one_is_met_once_page_by_page(self, server: StripeProcess) -> None:
        made = {paid(server).id for _ in range(5)}

        met = [
            one.id
            for one in server.client().v1.payment_intents.list({"limit": 2}).auto_paging_iter()
        ]

        assert made <= set(met)
        assert len(met) == len(set(met))

    def test_by_the_time_of_creation(self, server: StripeProcess) -> None:
        made = paid(server)
        client = server.client()

        since = client.v1.payment_intents.list({"created": {"gte": made.created}, "limit": 100})
        before = client.v1.payment_intents.list({"created": {"lt": made.created}, "limit": 100})
        after = client.v1.payment_intents.list({"created": {"gt": made.created + 60}})

        assert made.id in [one.id for one in since.data]
        assert made.id not in [one.id for one in before.data]
        assert (after.data, after.has_more) == ([], False)


class TestChargesAndRefunds:
    def test_of_one_intent(self, server: StripeProcess) -> None:
        client = server.client()
        made, other = paid(server), paid(server)
        refund = client.v1.refunds.create({"payment_intent": made.id, "amount": 100})
        client.v1.refunds.create({"payment_intent": other.id, "amount": 100})

        charges = client.v1.charges.list({"payment_intent": made.id})
        refunds = client.v1.refunds.list({"payment_intent": made.id})
        by_charge = client.v1.refunds.list({"charge": str(made.latest_charge)})

        assert [one.id for one in charges.data] == [made.latest_charge]
        assert [one.id for one in refunds.data] == [refund.id]
        assert [one.id for one in by_charge.data] == [refund.id]

    def test_by_time_and_page(self, server: StripeProcess) -> None:
        client = server.client()
        made = paid(server)
        made_refunds = [
            client.v1.refunds.create({"payment_intent": made.id, "amount": 10}).id for _ in range(3)
        ]

        first = client.v1.refunds.list({"payment_intent": made.id, "limit": 2})
        rest = client.v1.refunds.list(
            {"payment_intent": made.id, "limit": 2, "starting_after": first.data[-1].id}
        )
        back = client.v1.refunds.list(
            {"payment_intent": made.id, "limit": 1, "ending_before": rest.data[0].id}
        )

        assert [one.id for one in [*first.data, *rest.data]] == made_refunds[::-1]
        assert (first.has_more, rest.has_more) == (True, False)
        assert [one.id for one in back.data] == [first.data[-1].id]
        future = client.v1.refunds.list({"created": {"gte": 2**33}})
        assert future.data == []
        assert client.v1.charges.list({"created": {"gte": 2**33}}).data == []

    def test_an_unknown_intent_is_named(self, server: StripeProcess) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            server.client().v1.refunds.list({"payment_intent": "pi_nowhere"})

        assert (caught.value.code, caught.value.param) == ("resource_missing", "payment_intent")

    def test_a_charge_shows_its_refunds_where_asked(self, server: StripeProcess) -> None:
        made = paid(server)
        refund = server.client().v1.refunds.create({"payment_intent": made.id, "amount": 10})

        found = server.client().v1.payment_intents.retrieve(
            made.id, {"expand": ["latest_charge.refunds"]}
        )

        assert isinstance(found.latest_charge, stripe.Charge)
        assert found.latest_charge.refunds is not None
        assert [one.id for one in found.latest_charge.refunds.data] == [refund.id]
