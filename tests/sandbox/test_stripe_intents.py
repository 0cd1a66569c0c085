"""An intent goes through its statuses exactly as at Stripe."""

from collections.abc import Iterator

import pytest
import stripe

from tests.sandbox.stripe_process import BROWSER_KEY, StripeProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    with StripeProcess(tmp_path_factory.mktemp("stripe")) as process:
        yield process


class TestConfirm:
    def test_it_holds_the_money(self, server: StripeProcess) -> None:
        client = server.client()
        made = client.v1.payment_intents.create(
            {
                "amount": 1999,
                "currency": "gbp",
                "capture_method": "manual",
                "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
                "metadata": {"order_id": "o-1", "attempt_id": "a-1"},
            }
        )
        assert (made.status, made.latest_charge) == ("requires_payment_method", None)

        held = client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})

        assert (held.status, held.amount_capturable) == ("requires_capture", 1999)
        assert held.amount_received == 0
        shown = server.line(made.id)
        assert (shown["order_id"], shown["attempt_id"]) == ("o-1", "a-1")
        assert (shown["status"], shown["captured_minor"]) == ("requires_capture", 0)

    def test_a_confirmed_intent_is_not_confirmed_again(self, server: StripeProcess) -> None:
        made = server.held()

        with pytest.raises(stripe.InvalidRequestError) as caught:
            server.client().v1.payment_intents.confirm(made.id)

        assert caught.value.code == "payment_intent_unexpected_state"
        assert caught.value.json_body["error"]["payment_intent"]["status"] == "requires_capture"

    def test_redirecting_methods_need_a_return_url(self, server: StripeProcess) -> None:
        made = server.client().v1.payment_intents.create({"amount": 500, "currency": "gbp"})

        with pytest.raises(stripe.InvalidRequestError, match="return_url"):
            server.client().v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_visa"})

    def test_a_declined_intent_takes_another_card(self, server: StripeProcess) -> None:
        client = server.client()
        made = client.v1.payment_intents.create(
            {"amount": 500, "currency": "gbp", "payment_method_types": ["card"]}
        )
        with pytest.raises(stripe.CardError):
            client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_chargeDeclined"})
        declined = client.v1.payment_intents.retrieve(made.id)
        assert (declined.status, declined.payment_method) == ("requires_payment_method", None)
        assert declined.last_payment_error is not None
        assert declined.last_payment_error.decline_code == "generic_decline"
        assert declined.last_payment_error.charge == declined.latest_charge
        method = declined.last_payment_error.payment_method
        assert method is not None
        assert (method.object, method.type) == ("payment_method", "card")

        paid = client.v1.payment_intents.confirm(made.id, {"payment_method": "pm_card_mastercard"})

        assert (paid.status, paid.amount_received) == ("succeeded", 500)
        assert paid.last_payment_error is None


class TestAuthentication:
    @pytest.mark.parametrize(
        ("result", "status"),
        [("complete", "requires_capture"), ("fail", "requires_payment_method")],
    )
    def test_the_bank_decides(self, server: StripeProcess, result: str, status: str) -> None:
        made = server.held(payment_method="pm_card_authenticationRequired")
        assert made.status == "requires_action"
        assert made.next_action is not None
        assert made.next_action.type == "use_stripe_sdk"

        sent = {"client_secret": made.client_secret, "result": result}
        answer = server.call("POST", f"/v3/challenge/{made.id}", sent, key="")

        assert answer.json == {"status": status, "url": None}
        found = server.client().v1.payment_intents.retrieve(made.id)
        assert (found.status, found.next_action) == (status, None)
        if result == "fail":
            assert found.last_payment_error is not None
            assert found.last_payment_error.code == "payment_intent_authentication_failure"

    def test_the_redirect_flow_comes_back_with_the_intent(self, server: StripeProcess) -> None:
        made = server.held(
            payment_method="pm_card_threeDSecure2Required",
            return_url="https://shop.example/back?a=1",
        )
        assert made.next_action is not None
        assert made.next_action.redirect_to_url is not None
        page = str(made.next_action.redirect_to_url.url).removeprefix(server.url)
        assert "GBP 10.00" in server.call("GET", page, key="").text

        sent = {"client_secret": made.client_secret, "result": "complete"}
        answer = server.call("POST", f"/v3/challenge/{made.id}", sent, key="")

        assert answer.json["url"].startswith(
            f"https://shop.example/back?a=1&payment_intent={made.id}&payment_intent_client_secret="
        )
        assert answer.json["url"].endswith("redirect_status=succeeded")

    def test_without_the_secret_nothing_is_authenticated(self, server: StripeProcess) -> None:
        made = server.held(payment_method="pm_card_authenticationRequired")

        answer = server.call(
            "POST", f"/v3/challenge/{made.id}", {"client_secret": "pi_x_secret_y"}, key=""
        )

        assert answer.status == 400
        assert server.client().v1.payment_intents.retrieve(made.id).status == "requires_action"

    def test_an_absent_buyer_cannot_authenticate(self, server: StripeProcess) -> None:
        with pytest.raises(stripe.CardError) as caught:
            server.held(payment_method="pm_card_authenticationRequired", off_session=True)

        assert caught.value.code == "authentication_required"


class TestCancel:
    def test_it_releases_the_hold(self, server: StripeProcess) -> None:
        made = server.held()

        gone = server.client().v1.payment_intents.cancel(
            made.id, {"cancellation_reason": "abandoned", "expand": ["latest_charge"]}
        )

        assert (gone.status, gone.cancellation_reason) == ("canceled", "abandoned")
        assert gone.canceled_at is not None
        assert isinstance(gone.latest_charge, stripe.Charge)
        assert gone.latest_charge.refunded
        assert server.line(made.id)["refunded_minor"] == 0
        with pytest.raises(stripe.InvalidRequestError):
            server.client().v1.payment_intents.capture(made.id)
        assert server.line(made.id)["captured_minor"] == 0

    @pytest.mark.parametrize("capture", ["automatic", "manual"])
    def test_a_final_one_is_refused(self, server: StripeProcess, capture: str) -> None:
        made = server.held(capture_method=capture)
        client = server.client()
        if capture == "manual":
            client.v1.payment_intents.cancel(made.id)

        with pytest.raises(stripe.InvalidRequestError) as caught:
            client.v1.payment_intents.cancel(made.id)

        assert caught.value.code == "payment_intent_unexpected_state"

    def test_an_expired_hold_is_canceled(self, server: StripeProcess) -> None:
        made = server.held()

        answer = server.control("POST", "expire", {"payment_intent": made.id})

        assert answer.json == {"id": made.id, "status": "canceled"}
        found = server.client().v1.payment_intents.retrieve(made.id)
        assert found.cancellation_reason == "automatic"


class TestLists:
    def test_they_page_newest_first(self, server: StripeProcess) -> None:
        made = [server.held().id for _ in range(3)]
        client = server.client()

        first = client.v1.payment_intents.list({"limit": 2})
        rest = client.v1.payment_intents.list({"limit": 1, "starting_after": first.data[-1].id})

        assert [one.id for one in first.data] == [made[2], made[1]]
        assert [one.id for one in rest.data] == [made[0]]
        assert first.has_more
        assert client.v1.payment_intents.list({"created": {"gte": 2**33}}).data == []


class TestBrowser:
    def test_it_sees_an_intent_by_its_secret_and_not_all_of_it(self, server: StripeProcess) -> None:
        made = server.held(metadata={"order_id": "private"})
        path = f"/v1/payment_intents/{made.id}"

        seen = server.call("GET", path, {"client_secret": made.client_secret}, key=BROWSER_KEY)

        assert seen.json["status"] == "requires_capture"
        assert "metadata" not in seen.json
        assert "latest_charge" not in seen.json
        assert seen.headers["Access-Control-Allow-Origin"] == "*"
        assert server.call("GET", path, key=BROWSER_KEY).status == 400
        wrong = server.call("GET", path, {"client_secret": "pi_1_secret_2"}, key=BROWSER_KEY)
        assert wrong.status == 400

    def test_it_may_not_do_what_a_server_does(self, server: StripeProcess) -> None:
        made = server.held()

        answer = server.call("POST", f"/v1/payment_intents/{made.id}/capture", key=BROWSER_KEY)

        assert (answer.status, answer.json["error"]["code"]) == (401, "secret_key_required")
        assert server.line(made.id)["captured_minor"] == 0

    def test_a_preflight_is_answered(self, server: StripeProcess) -> None:
        answer = server.call("OPTIONS", "/v1/payment_intents", key="")

        assert answer.status == 204
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
