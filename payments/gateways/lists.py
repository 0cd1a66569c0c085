"""What payments reads from Stripe in lists, to compare whole books; plain data, newest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from payments.gateways.disputes import DisputeAnswer
from payments.gateways.intents import Intent
from payments.gateways.refunds import StripeRefund


class ListBroken(Exception):
    """Stripe did not give a page, or gave one that cannot be read: nothing may be concluded."""


@dataclass(frozen=True, slots=True)
class ListedIntent:
    """An intent as a list shows it. `refunded_minor` is what went back to the customer."""

    intent: Intent
    created: datetime
    refunded_minor: int = 0


@dataclass(frozen=True, slots=True)
class Movement:
    """One line of our account at Stripe; minor units of `currency`, the account's own.

    `source` is the payment (its intent) of a charge, a refund or a dispute, else the payout or
    whatever is behind the line. `presented_minor` is the same amount in the customer's currency,
    known where it was exchanged.
    """

    id: str
    type: str
    source: str
    amount_minor: int
    fee_minor: int
    net_minor: int
    currency: str
    created: datetime
    presented_minor: int = 0
    presented_currency: str = ""


class ListGateway(Protocol):
    """Every list gives what was created from `since` on and before `until`, page by page.

    Each page is a call of its own that may wait for the network, and refuses to run in a
    transaction. All raise ListBroken.
    """

    def intents(self, *, since: datetime, until: datetime) -> Iterator[ListedIntent]: ...

    def changed_intents(self, *, since: datetime, until: datetime) -> Iterator[ListedIntent]:
        """Intents as the events of that time showed them, each intent's newest event first: a
        hint, to be looked at again."""
        ...

    def intent(self, *, intent_id: str) -> ListedIntent | None:
        """The intent as it is now; None where Stripe says that there is none."""
        ...

    def refunds(self, *, since: datetime, until: datetime) -> Iterator[StripeRefund]: ...
    def disputes(self, *, since: datetime, until: datetime) -> Iterator[DisputeAnswer]: ...
    def movements(self, *, since: datetime, until: datetime) -> Iterator[Movement]: ...
