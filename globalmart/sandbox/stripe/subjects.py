"""Which payment a call or an event is about, told by the intent's amount: a fault may be meant for
that one alone, and the amount is known before the intent has an id."""

from globalmart.sandbox.stripe.store import Json, Store
from globalmart.sandbox.web import Request

NAMES = ("payment_intent", "charge", "id")


def amount_of_call(store: Store, request: Request) -> int | None:
    """Return the amount (minor units) of the intent that a request is about, None where it is
    about none."""
    sent = {**request.query, **(request.form if request.method == "POST" else {})}
    if request.operation == "payment_intents.create":
        amount = str(sent.get("amount", ""))
        return int(amount) if amount.isdecimal() else None
    named = {**sent, **request.params}
    return _amount(store, next((str(named[name]) for name in NAMES if name in named), ""))


def amount_of_event(store: Store, event_id: str) -> int | None:
    """Return the amount of the intent that an event tells of, None where it tells of none."""
    event = store.load(event_id)
    return None if event is None else _amount_of(store, event["data"]["object"])


def _amount(store: Store, identifier: str) -> int | None:
    found = store.load(identifier) if identifier else None
    return None if found is None else _amount_of(store, found)


def _amount_of(store: Store, thing: Json) -> int | None:
    if thing["object"] == "payment_intent":
        return int(thing["amount"])
    return _amount(store, str(thing.get("payment_intent") or ""))
