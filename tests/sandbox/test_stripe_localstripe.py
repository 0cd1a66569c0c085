"""The same scenarios against ours and against localstripe, for what that one supports.

It ignores idempotency keys, declines no card on manual capture, captures what was cancelled and
knows few parameters, so the list holds to what both claim to do as Stripe does.
"""

from collections.abc import Callable, Iterator

import pytest
import stripe

from tests.sandbox.localstripe_process import find_localstripe, localstripe
from tests.sandbox.stripe_process import SERVER_KEY, StripeProcess

Scenario = Callable[[stripe.StripeClient], None]


def open_intent(client: stripe.StripeClient, **params: object) -> stripe.PaymentIntent:
    asked = {"amount": 1500, "currency": "gbp", "capture_method": "manual", **params}
    made = client.v1.payment_intents.create({"payment_method_types": ["card"], **asked})  # type: ignore[typeddict-item]
    assert made.id.startswith("pi_")
    return made


def hold(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return open_intent(client, payment_method="pm_card_visa", confirm=True)


def creates_and_reads(client: stripe.StripeClient) -> None:
    made = open_intent(client, metadata={"order_id": "o-1"})
    found = client.v1.payment_intents.retrieve(made.id)
    assert (found.status, found.amount, found.currency) == ("requires_payment_method", 1500, "gbp")
    assert found.metadata["order_id"] == "o-1"


def holds(client: stripe.StripeClient) -> None:
    made = hold(client)
    assert made.status == "requires_capture"


def captures_all(client: stripe.StripeClient) -> None:
    done = client.v1.payment_intents.capture(hold(client).id)
    assert done.status == "succeeded"


def captures_a_part_and_never_again(client: stripe.StripeClient) -> None:
    made = hold(client)
    done = client.v1.payment_intents.capture(made.id, {"amount_to_capture": 500})
    assert done.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.capture(made.id, {"amount_to_capture": 500})


def cancels_a_hold(client: stripe.StripeClient) -> None:
    made = hold(client)
    assert client.v1.payment_intents.cancel(made.id).status == "canceled"
    assert client.v1.payment_intents.retrieve(made.id).status == "canceled"


def refunds_a_part(client: stripe.StripeClient) -> None:
    made = hold(client)
    client.v1.payment_intents.capture(made.id)
    refund = client.v1.refunds.create({"payment_intent": made.id, "amount": 400})
    assert (refund.amount, refund.status) == (400, "succeeded")


def misses_what_is_not_there(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client.v1.payment_intents.retrieve("pi_nowhere")
    assert caught.value.http_status == 404


def refuses_a_bad_amount(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        open_intent(client, amount="many")
    assert caught.value.http_status == 400


SCENARIOS = (
    creates_and_reads,
    holds,
    captures_all,
    captures_a_part_and_never_again,
    cancels_a_hold,
    refunds_a_part,
    misses_what_is_not_there,
    refuses_a_bad_amount,
)


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with StripeProcess(tmp_path_factory.mktemp("stripe")) as process:
        yield process.url


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = find_localstripe()
    if program is None:
        pytest.skip("localstripe is not installed: the second opinion on the sandbox is not asked")
    with localstripe(program, tmp_path_factory.mktemp("localstripe")) as url:
        yield url


class TestScenarios:
    @pytest.mark.parametrize("vendor", ["ours", "theirs"])
    @pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
    def test_both_agree(
        self, request: pytest.FixtureRequest, vendor: str, scenario: Scenario
    ) -> None:
        url = request.getfixturevalue(vendor)

        scenario(
            stripe.StripeClient(SERVER_KEY, base_addresses={"api": url}, max_network_retries=0)
        )
