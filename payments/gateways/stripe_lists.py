"""Stripe's lists, read page by page, translated into what payments knows."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from payments.gateways import stripe_client
from payments.gateways.disputes import DisputeAnswer
from payments.gateways.intents import Outcome
from payments.gateways.lists import ListBroken, ListedIntent, Movement
from payments.gateways.refunds import StripeRefund
from payments.gateways.stripe_client import Reply, ask, params
from payments.gateways.stripe_disputes import read_dispute
from payments.gateways.stripe_gateway import read_intent
from payments.gateways.stripe_refunds import read_refund

# As many at once; with what they name shown inside them, fewer: a page has its greatest length.
PAGE, EXPANDED_PAGE = 100, 25
# A list may be asked again at will: it changes nothing. Seconds before each next try.
PAUSES = (0.5, 1.0, 2.0, 4.0, 8.0)
MOST_PAUSE = 15.0
# The events whose object is an intent.
INTENT_EVENTS = [
    f"payment_intent.{what}"
    for what in (
        "created",
        "processing",
        "requires_action",
        "payment_failed",
        "amount_capturable_updated",
        "succeeded",
        "canceled",
    )
]
Thing = TypeVar("Thing")
Raw = Mapping[str, Any]
ListCall = Callable[[Any], Any]


class StripeLists:
    """Payments' view of Stripe's lists. See ListGateway for the contract."""

    def __init__(self) -> None:
        self._v1 = stripe_client.client().v1

    def intents(self, *, since: datetime, until: datetime) -> Iterator[ListedIntent]:
        request = {**_created(since, until), "expand": ["data.latest_charge"]}
        return _read_all(self._v1.payment_intents.list, request, _intent)

    def changed_intents(self, *, since: datetime, until: datetime) -> Iterator[ListedIntent]:
        request = {**_created(since, until), "types": INTENT_EVENTS}
        return _read_all(self._v1.events.list, request, lambda raw: _intent(raw["data"]["object"]))

    def intent(self, *, intent_id: str) -> ListedIntent | None:
        expanded: Any = {"expand": ["latest_charge"]}
        reply = _ask(lambda: self._v1.payment_intents.retrieve(intent_id, expanded))
        if reply.error == Outcome.REFUSED and reply.code == "resource_missing":
            return None
        return _read(_raw(reply), _intent)

    def refunds(self, *, since: datetime, until: datetime) -> Iterator[StripeRefund]:
        return _read_all(self._v1.refunds.list, _created(since, until), read_refund)

    def disputes(self, *, since: datetime, until: datetime) -> Iterator[DisputeAnswer]:
        return _read_all(self._v1.disputes.list, _created(since, until), read_dispute)

    def movements(self, *, since: datetime, until: datetime) -> Iterator[Movement]:
        request = {**_created(since, until), "expand": ["data.source"]}
        return _read_all(self._v1.balance_transactions.list, request, _movement)


def _created(since: datetime, until: datetime) -> dict[str, Any]:
    """Stripe counts whole seconds."""
    return {"created": {"gte": int(since.timestamp()), "lt": int(until.timestamp())}}


def _read_all(
    call: ListCall, request: dict[str, Any], read: Callable[[Raw], Thing]
) -> Iterator[Thing]:
    limit = EXPANDED_PAGE if "expand" in request else PAGE
    last = ""
    while True:
        asked = {**request, "limit": limit, **({"starting_after": last} if last else {})}
        page = _raw(_ask(lambda asked=asked: call(params(asked))))  # type: ignore[misc]
        things = page.get("data") or []
        yield from (_read(raw, read) for raw in things)
        if not page.get("has_more"):
            return
        newest = str(things[-1]["id"]) if things else ""
        if newest in {"", last}:
            raise ListBroken("Stripe promises more, and gives nothing new")
        last = newest


def _ask(call: Callable[[], Any]) -> Reply:
    """Ask, and ask again while nothing definite comes back. Raises ListBroken."""
    reply = ask(call)
    for pause in PAUSES:
        if reply.error not in {Outcome.UNKNOWN, Outcome.NOT_YET}:
            return reply
        time.sleep(min(max(pause, reply.retry_after or 0.0), MOST_PAUSE))
        reply = ask(call)
    return reply


def _raw(reply: Reply) -> Raw:
    if reply.raw is None:
        raise ListBroken(f"Stripe did not show it: {reply.error} {reply.code}")
    return reply.raw


def _read(raw: Raw, read: Callable[[Raw], Thing]) -> Thing:
    try:
        return read(raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ListBroken(f"{raw.get('id')} cannot be read: {error!r}") from error


def _at(raw: Raw) -> datetime:
    return datetime.fromtimestamp(raw["created"], UTC)


def _intent(raw: Raw) -> ListedIntent:
    return ListedIntent(read_intent(raw), _at(raw), _refunded_minor(raw.get("latest_charge")))


def _refunded_minor(charge: Any) -> int:
    """What a final capture leaves of a hold is released, and Stripe shows that as refunded."""
    if not isinstance(charge, dict):
        return 0
    released = int(charge["amount"]) - int(charge["amount_captured"])
    return max(0, int(charge["amount_refunded"]) - released)


def _movement(raw: Raw) -> Movement:
    source = raw.get("source")
    behind: Raw = source if isinstance(source, dict) else {}
    is_charge = behind.get("object") == "charge"
    known_by = _id(behind.get("payment_intent"))
    currency = str(raw["currency"]).upper()
    presented = str(behind.get("currency") or "").upper()
    is_exchanged = bool(presented) and presented != currency
    whole = behind.get("amount_captured") if is_charge else behind.get("amount")
    sign = -1 if int(raw["amount"]) < 0 else 1
    return Movement(
        id=raw["id"],
        type=str(raw["type"]),
        source=known_by or _id(source),
        amount_minor=int(raw["amount"]),
        fee_minor=int(raw["fee"]),
        net_minor=int(raw["net"]),
        currency=currency,
        created=_at(raw),
        presented_minor=sign * abs(int(whole or 0)) if is_exchanged else 0,
        presented_currency=presented if is_exchanged else "",
    )


def _id(value: Any) -> str:
    """Return the id of an object that may or may not be expanded; empty where there is none."""
    return str(value.get("id") or "") if isinstance(value, dict) else str(value or "")
