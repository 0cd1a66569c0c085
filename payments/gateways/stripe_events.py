"""Stripe's list of events and its webhook endpoints, translated into what payments knows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

import stripe

from payments.gateways.events import Endpoint, NotAnswered
from payments.gateways.intents import Notice, Outcome
from payments.gateways.stripe_client import ask, client, params
from payments.gateways.stripe_gateway import NO_EVENT, notice_of_event

PAGE = 100
DESCRIPTION = "GlobalMart OMS"
Raw = Mapping[str, Any]
Read = TypeVar("Read")


class StripeEvents:
    """See EventGateway for the contract."""

    api_version: str = stripe.api_version

    def events(
        self, *, types: Sequence[str], since: datetime, is_undelivered: bool
    ) -> Iterator[Notice]:
        request: dict[str, Any] = {"types": list(types), "created": {"gte": int(since.timestamp())}}
        if is_undelivered:
            request["delivery_success"] = False
        for raw in _pages(client().v1.events.list, request):
            yield _read(raw, notice_of_event)

    def endpoints(self) -> list[Endpoint]:
        return [_read(raw, _endpoint) for raw in _pages(client().v1.webhook_endpoints.list, {})]

    def create_endpoint(self, *, url: str, types: Sequence[str]) -> Endpoint:
        request = {
            "url": url,
            "enabled_events": list(types),
            "api_version": self.api_version,
            "description": DESCRIPTION,
        }
        # Without an idempotency key: within a day Stripe would show again what was deleted since.
        return _read(_ask(lambda: client().v1.webhook_endpoints.create(params(request))), _endpoint)

    def update_endpoint(self, *, endpoint_id: str, types: Sequence[str]) -> Endpoint:
        request = params({"enabled_events": list(types), "disabled": False})
        return _read(
            _ask(lambda: client().v1.webhook_endpoints.update(endpoint_id, request)), _endpoint
        )


def _pages(call: Callable[[Any], Any], request: Mapping[str, Any]) -> Iterator[Raw]:
    last = ""
    while True:
        asked = {**request, "limit": PAGE, **({"starting_after": last} if last else {})}
        page = _ask(lambda asked=asked: call(params(asked)))  # type: ignore[misc]
        rows = page.get("data") or []
        yield from rows
        if not page.get("has_more"):
            return
        if not rows or rows[-1]["id"] == last:
            raise NotAnswered("Stripe promises more, and gives nothing new")
        last = rows[-1]["id"]


def _ask(call: Callable[[], Any]) -> Raw:
    reply = ask(call)
    if reply.raw is None:
        is_unknown = reply.error == Outcome.UNKNOWN
        raise NotAnswered(f"{reply.error}: {reply.code or 'no code'}", is_unknown=is_unknown)
    return reply.raw


def _read(raw: Raw, read: Callable[[Raw], Read]) -> Read:
    try:
        return read(raw)
    except NO_EVENT as error:
        raise NotAnswered(f"{raw.get('id')} cannot be read: {error!r}") from error


def _endpoint(raw: Raw) -> Endpoint:
    return Endpoint(
        id=raw["id"],
        url=raw["url"],
        types=tuple(raw["enabled_events"]),
        is_enabled=raw["status"] == "enabled",
        api_version=raw.get("api_version") or "",
        secret=raw.get("secret") or "",
    )
