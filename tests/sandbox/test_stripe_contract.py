"""Every answer carries what Stripe's SDK says that it carries."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal, Union, get_args, get_origin

import pytest
import stripe

from tests.sandbox.stripe_process import StripeProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeProcess]:
    folder: Path = tmp_path_factory.mktemp("stripe")
    with StripeProcess(folder) as process:
        yield process


def is_optional(annotation: Any) -> bool:
    return get_origin(annotation) is Union and type(None) in get_args(annotation)


def literals(annotation: Any) -> set[str]:
    if get_origin(annotation) is Literal:
        return set(get_args(annotation))
    return {word for inner in get_args(annotation) for word in literals(inner)}


def fault_of(value: Any, annotation: Any) -> str:
    """Say what is wrong with one field, nothing where nothing is."""
    if value is None:
        return "" if is_optional(annotation) else "is null"
    if annotation is int and not isinstance(value, int):
        return "is no integer"
    known = literals(annotation)
    is_unknown = bool(known) and isinstance(value, str) and value not in known
    return f"has the unknown value {value}" if is_unknown else ""


def faults_of(value: Any, kind: type, path: str, *, is_whole: bool) -> list[str]:
    """Name each field that the SDK's annotations require and `value` does not have.

    With `is_whole`, optional fields of the outermost object must be there too, as null.
    """
    found: list[str] = []
    for name, annotation in kind.__annotations__.items():
        if get_origin(annotation) is ClassVar:
            continue
        if name in value:
            wrong = fault_of(value[name], annotation)
        else:
            wrong = "is missing" if is_whole or not is_optional(annotation) else ""
        if wrong:
            found.append(f"{path}.{name} {wrong}")
    for name, inner in getattr(kind, "_inner_class_types", {}).items():
        if isinstance(value.get(name), dict):
            found += faults_of(value[name], inner, f"{path}.{name}", is_whole=False)
    return found


class TestAnswers:
    @pytest.mark.parametrize("method", ["pm_card_visa", "pm_card_threeDSecure2Required"])
    @pytest.mark.parametrize("capture", ["manual", "automatic"])
    def test_an_intent_has_every_annotated_field(
        self, server: StripeProcess, method: str, capture: str
    ) -> None:
        made = server.held(payment_method=method, capture_method=capture)

        plain = server.call("GET", f"/v1/payment_intents/{made.id}").json

        assert faults_of(plain, stripe.PaymentIntent, "intent", is_whole=True) == []

    def test_a_charge_has_every_annotated_field(self, server: StripeProcess) -> None:
        made = server.held()

        plain = server.call("GET", f"/v1/charges/{made.latest_charge}").json

        assert faults_of(plain, stripe.Charge, "charge", is_whole=True) == []
        assert plain["payment_method_details"]["card"]["capture_before"] > plain["created"]

    def test_a_refund_and_its_event_have_every_annotated_field(self, server: StripeProcess) -> None:
        client = server.client()
        made = server.held(capture_method="automatic")
        refund = client.v1.refunds.create({"payment_intent": made.id, "amount": 300})

        plain = server.call("GET", f"/v1/refunds/{refund.id}").json
        event = server.call("GET", "/v1/events", {"type": "refund.created", "limit": 1}).json

        assert faults_of(plain, stripe.Refund, "refund", is_whole=True) == []
        assert faults_of(event["data"][0], stripe.Event, "event", is_whole=True) == []
        assert event["data"][0]["data"]["object"]["id"] == refund.id

    def test_the_release_of_a_hold_has_every_annotated_field(self, server: StripeProcess) -> None:
        client = server.client()
        made = server.held()
        client.v1.payment_intents.cancel(made.id)
        (release,) = client.v1.refunds.list({"payment_intent": made.id}).data

        plain = server.call("GET", f"/v1/refunds/{release.id}").json

        assert faults_of(plain, stripe.Refund, "refund", is_whole=True) == []

    def test_a_payment_method_has_what_is_required_of_a_card(self, server: StripeProcess) -> None:
        made = server.held()

        plain = server.call("GET", f"/v1/payment_methods/{made.payment_method}").json

        assert faults_of(plain, stripe.PaymentMethod, "method", is_whole=False) == []

    def test_the_sdk_parses_and_expands(self, server: StripeProcess) -> None:
        client = server.client()
        made = server.held()

        found = client.v1.payment_intents.retrieve(made.id, {"expand": ["latest_charge"]})

        assert isinstance(found, stripe.PaymentIntent)
        assert isinstance(found.latest_charge, stripe.Charge)
        assert found.latest_charge.amount == 1000
        assert found.last_response.headers["Request-Id"].startswith("req_")

    def test_a_missing_field_would_be_noticed(self, server: StripeProcess) -> None:
        plain = server.call("GET", f"/v1/payment_intents/{server.held().id}").json
        del plain["amount_capturable"]
        plain["status"] = "paid"

        found = faults_of(plain, stripe.PaymentIntent, "intent", is_whole=True)

        assert found == [
            "intent.amount_capturable is missing",
            "intent.status has the unknown value paid",
        ]


class TestErrors:
    def test_a_decline_is_a_card_error(self, server: StripeProcess) -> None:
        with pytest.raises(stripe.CardError) as caught:
            server.held(payment_method="pm_card_chargeDeclinedInsufficientFunds")

        error = caught.value
        body = error.json_body["error"]
        assert (error.http_status, error.code) == (402, "card_declined")
        assert body["decline_code"] == "insufficient_funds"
        assert body["payment_intent"]["status"] == "requires_payment_method"
        assert body["charge"] == body["payment_intent"]["latest_charge"]

    def test_an_unknown_intent_is_not_found(self, server: StripeProcess) -> None:
        with pytest.raises(stripe.InvalidRequestError) as caught:
            server.client().v1.payment_intents.retrieve("pi_nowhere")

        assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")

    @pytest.mark.parametrize("key", ["", "sk_live_real", "nonsense"])
    def test_a_bad_key_is_refused(self, server: StripeProcess, key: str) -> None:
        answer = server.call("GET", "/v1/payment_intents", key=key)

        assert answer.status == 401
        assert answer.json["error"]["type"] == "invalid_request_error"

    @pytest.mark.parametrize(
        ("params", "code", "param"),
        [
            ({"currency": "gbp"}, "parameter_missing", "amount"),
            ({"amount": 1000}, "parameter_missing", "currency"),
            ({"amount": "ten", "currency": "gbp"}, "parameter_invalid_integer", "amount"),
            ({"amount": 0, "currency": "gbp"}, "parameter_invalid_integer", "amount"),
            ({"amount": 29, "currency": "gbp"}, "amount_too_small", "amount"),
            ({"amount": 10**9, "currency": "gbp"}, "amount_too_large", "amount"),
            ({"amount": 1000, "currency": "zzz"}, None, "currency"),
            ({"amount": 1000, "currency": "gbp", "colour": "red"}, "parameter_unknown", "colour"),
        ],
    )
    def test_a_bad_parameter_is_named(
        self, server: StripeProcess, params: dict[str, Any], code: str | None, param: str
    ) -> None:
        answer = server.call("POST", "/v1/payment_intents", params)

        error = answer.json["error"]
        assert (answer.status, error.get("code"), error["param"]) == (400, code, param)
