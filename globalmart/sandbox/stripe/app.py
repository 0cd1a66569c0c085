"""The server: keys, idempotency, one transaction for each call, CORS, the card form's pages."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from globalmart.sandbox.book import Book
from globalmart.sandbox.stripe import (
    controls,
    disputes,
    elements,
    errors,
    fraud_warnings,
    payouts,
    refunds,
    routes,
)
from globalmart.sandbox.stripe.events import API_VERSION
from globalmart.sandbox.stripe.idempotency import Keys
from globalmart.sandbox.stripe.keys import ApiKeys
from globalmart.sandbox.stripe.later import Due, Later
from globalmart.sandbox.stripe.listing import Operate
from globalmart.sandbox.stripe.rate import Rate
from globalmart.sandbox.stripe.store import Call, Json, Store, new_id
from globalmart.sandbox.stripe.subjects import amount_of_call
from globalmart.sandbox.stripe.webhooks import Webhooks
from globalmart.sandbox.web import App, Handler, Request, Response, json_response

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, PUT, PATCH, POST, DELETE",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Stripe-Version, Idempotency-Key",
    "Access-Control-Expose-Headers": "Request-Id, Stripe-Manage-Version, Stripe-Should-Retry",
    "Access-Control-Max-Age": "300",
}
CONTROLS: dict[str, Operate] = {
    "disputes": controls.dispute,
    "expire": controls.expire_hold,
    "fraud_warnings": controls.warn,
    "intents": controls.force_intent,
    "payout": controls.pay_out,
    "refunds": controls.refund,
}
ACTIONS: dict[str, Callable[[Call, Json], object]] = {
    "charge.dispute": disputes.open_chargeback,
    "charge.not_received": disputes.open_not_received,
    "charge.inquire": disputes.open_inquiry,
    "charge.warn": fraud_warnings.issue,
    "dispute.judge": disputes.judge,
    "payout.arrive": payouts.arrive,
    "refund.succeed": refunds.succeed,
    "refund.fail": refunds.fail,
}


class StripeApp(App):
    """Stripe, as far as the shop uses it."""

    def __init__(
        self,
        book: Book,
        *,
        keys: ApiKeys,
        webhooks: tuple[str, str],
        key_seconds: float,
        settle_seconds: float,
    ) -> None:
        """Build the server. `webhooks` is the endpoint's address and signing secret."""
        super().__init__()
        self.store = Store(book)
        self._keys = keys
        self._answers = Keys(book, lifetime=key_seconds)
        self.webhooks = Webhooks(self.store, self.faults, url=webhooks[0], secret=webhooks[1])
        self.rate = Rate()
        self.later = Later(book, self._happen, seconds=settle_seconds)
        for method, path, name, operate in routes.OPERATIONS:
            self.route(method, path, name)(partial(self._execute, operate))
        complete = partial(self._execute, elements.complete_challenge)
        self.route("POST", "/v3/challenge/{id}", "challenge.complete")(complete)
        self.route("GET", "/v3/challenge/{id}")(partial(elements.challenge_page, self.store))
        self.route("GET", "/v3/{name}")(elements.asset)
        self.route("GET", "/clover/{name}")(elements.asset)
        for name, operate in CONTROLS.items():
            self.route("POST", f"/_control/{name}")(partial(self._control, operate))
        self.route("POST", "/_control/advance")(self._advance)
        self.route("POST", "/_control/rate")(self._set_rate)

    def respond(self, request: Request) -> Response:
        """Answer a browser's preliminary question, or the call itself."""
        if request.method == "OPTIONS":
            return Response(status=204)
        return super().respond(request)

    def perform(self, request: Request, handler: Handler) -> Response:
        """Carry out one call; `_execute` places the faults, for some belong inside a key."""
        return handler(request)

    def problem(self, request: Request, status: int, message: str) -> Response:
        """Return an error in Stripe's envelope."""
        kind = "invalid_request_error" if status < 500 else "api_error"
        error = errors.StripeError(status=status, kind=kind, message=message)
        return error.response()

    def subject_of(self, request: Request) -> int | None:
        """Return the amount of the intent that a call is about."""
        return amount_of_call(self.store, request)

    def finish(self, request: Request, response: Response) -> Response:
        """Add what every answer of the API carries."""
        if request.path.startswith("/v1/"):
            response.headers |= CORS
            response.headers["Stripe-Version"] = API_VERSION
            response.headers["Cache-Control"] = "no-cache, no-store"
        return response

    def _execute(self, operate: Operate, request: Request) -> Response:
        call = self._call(request)
        try:
            if request.path.startswith("/v1/"):
                call.is_browser = self._keys.is_browser(request)
                routes.check_caller(call, request.operation)
                self.rate.check(request.operation)
            response = self._once(call, request, operate)
        except errors.StripeError as error:
            response = error.response()
        if response.status == 429:
            response.headers["Stripe-Rate-Limited-Reason"] = "endpoint-rate"
        response.headers["Request-Id"] = call.request_id or ""
        if call.idempotency_key:
            response.headers["Idempotency-Key"] = call.idempotency_key
            response.headers.setdefault("Original-Request", call.request_id or "")
        return response

    def _control(self, operate: Operate, request: Request) -> Response:
        return self._carry_out(self._call(request), request, operate)

    def _call(self, request: Request) -> Call:
        host = request.header("Host", "127.0.0.1")
        scheme = request.environ.get("wsgi.url_scheme", "http")
        return Call(self.store, f"{scheme}://{host}", new_id("req_", 14))

    def _once(self, call: Call, request: Request, operate: Operate) -> Response:
        if request.method == "GET":
            self._meet_faults(request)
            response = json_response(operate(call, request))
            failed = request.plan.has("error_after_apply")
            return errors.broken(failed.status or 500).response() if failed else response
        key = request.header("Idempotency-Key")
        if not key:
            return self._carry_out(call, request, operate)
        call.idempotency_key = key
        with self._answers.claim(key):
            kept = self._answers.find(key, request)
            return kept or self._carry_out(call, request, operate)

    def _carry_out(self, call: Call, request: Request, operate: Operate) -> Response:
        self._meet_faults(request)
        with self._transaction(call):
            response, is_kept = self._attempt(call, request, operate)
            failed = request.plan.has("error_after_apply")
            if failed:
                error = errors.broken(failed.status or 500)
                response, is_kept = error.response(), error.kept
            if call.idempotency_key and is_kept:
                self._answers.keep(call.idempotency_key, request, response, call.request_id or "")
        return response

    @contextmanager
    def _transaction(self, call: Call) -> Iterator[None]:
        with self.store.book.writing():
            yield
            deliveries = self.webhooks.enter(call.events)
            dues = self.later.enter(call.planned)
        self.webhooks.notify(deliveries)
        self.later.notify(dues)

    def _happen(self, due: Due) -> None:
        call = Call(self.store)
        with self._transaction(call):
            if self.later.take(due):
                ACTIONS[due.action](call, self.store.must(due.object_id))

    def _advance(self, request: Request) -> Response:
        """POST /_control/advance {"object": id}: what is to come happens now; no id means all."""
        named = request.json.get("object") if request.body else None
        done = self.later.advance(named)
        return json_response({"done": [{"object": d.object_id, "action": d.action} for d in done]})

    @staticmethod
    def _attempt(call: Call, request: Request, operate: Operate) -> tuple[Response, bool]:
        # A refusal has its effects too (a declined charge): it must not undo the transaction.
        try:
            return json_response(operate(call, request)), True
        except errors.StripeError as error:
            return error.response(), error.kept

    @staticmethod
    def _meet_faults(request: Request) -> None:
        request.plan.wait()
        refused = request.plan.has("error_before")
        if refused:
            error = errors.broken(refused.status or 503)
            error.kept = False
            raise error

    def _set_rate(self, request: Request) -> Response:
        """POST /_control/rate {"per_second": N}: calls that each endpoint takes; 0 is no limit."""
        try:
            self.rate.per_second = max(0, int(request.json["per_second"]))
        except (ValueError, TypeError, KeyError):
            return json_response({"error": "Send {'per_second': number}."}, status=400)
        return json_response({"per_second": self.rate.per_second})


def build(book: Book, **options: Any) -> StripeApp:
    """Build the server and start its deliveries."""
    app = StripeApp(book, **options)
    app.webhooks.start()
    app.later.start()
    return app
