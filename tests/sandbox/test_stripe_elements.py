"""The card form: what is served, what a typed-in card becomes, and what is never kept."""

from collections.abc import Iterator

import pytest

from tests.sandbox.stripe_process import BROWSER_KEY, StripeProcess

CARD = {"type": "card", "card[exp_month]": 12, "card[exp_year]": 2034, "card[cvc]": "123"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    with StripeProcess(tmp_path_factory.mktemp("stripe")) as process:
        yield process


class TestPages:
    def test_the_script_is_served_under_both_paths(self, server: StripeProcess) -> None:
        script = server.call("GET", "/v3/stripe.js", key="")

        assert script.headers["Content-Type"].startswith("text/javascript")
        assert "window.Stripe = function" in script.text
        assert server.call("GET", "/clover/stripe.js", key="").text == script.text

    @pytest.mark.parametrize("page", ["card", "challenge"])
    def test_the_frames_obey_a_strict_policy(self, server: StripeProcess, page: str) -> None:
        answer = server.call("GET", f"/v3/{page}.html", key="")

        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert " style=" not in answer.text
        assert "<style" not in answer.text
        assert " onclick" not in answer.text

    @pytest.mark.parametrize("name", ["..%2Fapp.py", "nothing.js", "__init__.py"])
    def test_nothing_else_is_served(self, server: StripeProcess, name: str) -> None:
        assert server.call("GET", f"/v3/{name}", key="").status == 404


class TestTokens:
    def test_a_card_becomes_a_token_and_its_number_is_not_kept(self, server: StripeProcess) -> None:
        sent = {**CARD, "card[number]": "4242 4242 4242 4242"}
        token = server.call("POST", "/v1/payment_methods", sent, key=BROWSER_KEY).json
        made = server.call("POST", "/v1/payment_intents", {
            "amount": 900, "currency": "gbp", "capture_method": "manual",
        }).json  # fmt: skip

        paid = server.call(
            "POST",
            f"/v1/payment_intents/{made['id']}/confirm",
            {"client_secret": made["client_secret"], "payment_method": token["id"],
             "use_stripe_sdk": "true", "key": BROWSER_KEY},
            key="",
        )  # fmt: skip

        assert (token["card"]["brand"], token["card"]["last4"]) == ("visa", "4242")
        assert paid.json["status"] == "requires_capture"
        kept = b"".join(path.read_bytes() for path in server.book.parent.iterdir())
        assert b"4242" in kept
        assert b"424242" not in kept
        assert b"4242 4242" not in kept

    @pytest.mark.parametrize(
        ("change", "code", "param"),
        [
            ({"card[number]": "4242424242424241"}, "incorrect_number", "number"),
            ({"card[number]": "4111111111111111"}, "card_declined", "number"),
            ({"card[exp_month]": 13}, "invalid_expiry_month", "exp_month"),
            ({"card[exp_year]": 2020}, "invalid_expiry_year", "exp_year"),
            ({"card[cvc]": "12"}, "invalid_cvc", "cvc"),
        ],
    )
    def test_a_card_that_cannot_be_is_refused(
        self, server: StripeProcess, change: dict[str, object], code: str, param: str
    ) -> None:
        sent = {**CARD, "card[number]": "4242424242424242", **change}

        answer = server.call("POST", "/v1/payment_methods", sent, key=BROWSER_KEY)

        error = answer.json["error"]
        assert (answer.status, error["code"], error["param"]) == (402, code, param)
