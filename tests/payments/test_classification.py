"""Every answer and every error has exactly one meaning."""

import pytest
import stripe
from hypothesis import given
from hypothesis import strategies as st

from payments.gateways.classification import STATUS, classify_error, classify_status
from payments.gateways.intents import Outcome
from payments.gateways.stripe_client import Reply, ask
from payments.gateways.stripe_gateway import answer_of_reply

TYPES = ["", "api_error", "card_error", "idempotency_error", "invalid_request_error", "new_error"]
RAW = {"id": "pi_ada", "amount": 2195, "currency": "gbp", "amount_received": 0}


class TestClassifyStatus:
    @pytest.mark.parametrize(
        ("status", "outcome"),
        [
            ("requires_payment_method", Outcome.OPEN),
            ("requires_confirmation", Outcome.OPEN),
            ("requires_action", Outcome.REQUIRES_ACTION),
            ("processing", Outcome.PROCESSING),
            ("requires_capture", Outcome.AUTHORIZED),
            ("succeeded", Outcome.CAPTURED),
            ("canceled", Outcome.CANCELLED),
            ("requires_patience", Outcome.UNKNOWN),
        ],
    )
    def test_knows_each_status_of_stripes(self, status: str, outcome: Outcome) -> None:
        assert classify_status(status=status, received_minor=0, error_code="") == outcome

    def test_calls_a_card_that_failed_a_decline(self) -> None:
        found = classify_status(
            status="requires_payment_method", received_minor=0, error_code="card_declined"
        )

        assert found == Outcome.DECLINED

    @given(status=st.sampled_from([*STATUS, "new"]), code=st.text(max_size=9))
    def test_believes_received_money_before_any_status(self, status: str, code: str) -> None:
        found = classify_status(status=status, received_minor=1, error_code=code)

        assert found == Outcome.CAPTURED

    @given(status=st.text(), received=st.integers(-9, 9), code=st.text(max_size=9))
    def test_is_total(self, status: str, received: int, code: str) -> None:
        found = classify_status(status=status, received_minor=received, error_code=code)

        assert found in Outcome


class TestClassifyError:
    @pytest.mark.parametrize(
        ("http_status", "error_type", "outcome"),
        [
            (None, "", Outcome.UNKNOWN),
            (500, "api_error", Outcome.UNKNOWN),
            (503, "", Outcome.UNKNOWN),
            (500, "card_error", Outcome.UNKNOWN),
            (400, "idempotency_error", Outcome.KEY_CONFLICT),
            (409, "invalid_request_error", Outcome.NOT_YET),
            (409, "idempotency_error", Outcome.NOT_YET),
            (429, "invalid_request_error", Outcome.NOT_YET),
            (401, "invalid_request_error", Outcome.NOT_YET),
            (403, "invalid_request_error", Outcome.NOT_YET),
            (402, "card_error", Outcome.DECLINED),
            (400, "card_error", Outcome.DECLINED),
            (400, "invalid_request_error", Outcome.REFUSED),
            (404, "invalid_request_error", Outcome.REFUSED),
        ],
    )
    def test_knows_each_kind(
        self, http_status: int | None, error_type: str, outcome: Outcome
    ) -> None:
        assert classify_error(http_status=http_status, error_type=error_type) == outcome

    @given(
        http_status=st.none() | st.integers(100, 599), error_type=st.sampled_from(TYPES) | st.text()
    )
    def test_gives_every_pair_a_meaning_and_no_silence_a_no(
        self, http_status: int | None, error_type: str
    ) -> None:
        found = classify_error(http_status=http_status, error_type=error_type)

        assert found in Outcome
        if http_status is None or http_status >= 500:
            assert found == Outcome.UNKNOWN
        if found in {Outcome.DECLINED, Outcome.REFUSED}:
            assert http_status is not None
            assert 400 <= http_status < 500


def _reply(error: stripe.StripeError) -> Reply:
    def broken() -> stripe.StripeObject:
        raise error

    return ask(broken)


def _error(kind: type[stripe.StripeError], status: int | None, detail: object) -> Outcome:
    body = {"error": detail}
    if kind is stripe.CardError:
        found = stripe.CardError("no", None, "card_declined", None, status, body)
    elif issubclass(kind, stripe.InvalidRequestError):
        found = kind("no", None, None, None, status, body)
    else:
        found = kind("no", None, status, body)
    return answer_of_reply(_reply(found)).outcome


class TestAnswerOfError:
    @pytest.mark.parametrize(
        ("kind", "status", "error_type", "outcome"),
        [
            (stripe.APIConnectionError, None, None, Outcome.UNKNOWN),
            (stripe.APIError, 500, "api_error", Outcome.UNKNOWN),
            (stripe.RateLimitError, 429, "invalid_request_error", Outcome.NOT_YET),
            (stripe.IdempotencyError, 400, "idempotency_error", Outcome.KEY_CONFLICT),
            (stripe.IdempotencyError, 409, "idempotency_error", Outcome.NOT_YET),
            (stripe.AuthenticationError, 401, "invalid_request_error", Outcome.NOT_YET),
            (stripe.PermissionError, 403, "invalid_request_error", Outcome.NOT_YET),
            (stripe.CardError, 402, "card_error", Outcome.DECLINED),
            (stripe.InvalidRequestError, 400, "invalid_request_error", Outcome.REFUSED),
        ],
    )
    def test_maps_each_class_of_the_sdk(
        self, kind: type[stripe.StripeError], status: int, error_type: str, outcome: Outcome
    ) -> None:
        assert _error(kind, status, {"type": error_type}) == outcome

    def test_lets_the_shown_intent_answer_for_a_refusal(self) -> None:
        captured = {**RAW, "status": "succeeded", "amount_received": 2195}
        detail = {"type": "invalid_request_error", "payment_intent": captured}

        assert _error(stripe.InvalidRequestError, 400, detail) == Outcome.CAPTURED

    @pytest.mark.parametrize(
        "detail", ["text", None, [], {"payment_intent": {"id": 7}}, {"payment_intent": "pi_ada"}]
    )
    def test_reads_a_badly_written_refusal_as_a_refusal(self, detail: object) -> None:
        assert _error(stripe.InvalidRequestError, 400, detail) == Outcome.REFUSED

    @pytest.mark.parametrize(("header", "seconds"), [("2", 2.0), ("soon", None), ("1e9", None)])
    def test_honours_a_sane_retry_after(self, header: str, seconds: float | None) -> None:
        error = stripe.RateLimitError("slow", None, 429, {}, {"Retry-After": header})

        assert answer_of_reply(_reply(error)).retry_after == seconds

    def test_says_that_a_refusal_which_shows_the_intent_is_an_old_one(self) -> None:
        detail = {
            "type": "invalid_request_error",
            "payment_intent": {**RAW, "status": "processing"},
        }
        headers = {"Idempotent-Replayed": "true"}
        error = stripe.InvalidRequestError("no", None, None, None, 400, {"error": detail}, headers)

        found = answer_of_reply(_reply(error))

        assert (found.outcome, found.is_replayed) == (Outcome.PROCESSING, True)

    def test_prefers_the_banks_reason(self) -> None:
        detail = {"type": "card_error", "code": "card_declined", "decline_code": "lost_card"}
        error = stripe.CardError("no", None, "card_declined", None, 402, {"error": detail})

        assert answer_of_reply(_reply(error)).code == "lost_card"
