"""What payments asks of Stripe about its events and about the endpoint that gets them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from payments.gateways.intents import Notice


class NotAnswered(Exception):
    """Stripe did not answer, or not with what was asked for. `is_unknown` tells whether a change
    that was asked for may have been made all the same."""

    def __init__(self, message: str, *, is_unknown: bool = False) -> None:
        super().__init__(message)
        self.is_unknown = is_unknown


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook endpoint as Stripe knows it. Its secret is shown by its creation alone; without
    `api_version` its events are written in the account's default version."""

    id: str
    url: str
    types: tuple[str, ...]
    is_enabled: bool
    api_version: str = ""
    secret: str = ""


class EventGateway(Protocol):
    """Every call may wait for the network for up to 10 s and refuses to run in a transaction.
    All raise NotAnswered."""

    # In which version of Stripe's API we read events.
    api_version: str

    def events(
        self, *, types: Sequence[str], since: datetime, is_undelivered: bool
    ) -> Iterator[Notice]:
        """Events of these types (20 at most) created from `since` on, newest first, page by page;
        with `is_undelivered` those alone that no endpoint has taken. Stripe keeps 30 days."""
        ...

    def endpoints(self) -> list[Endpoint]: ...
    def create_endpoint(self, *, url: str, types: Sequence[str]) -> Endpoint: ...
    def update_endpoint(self, *, endpoint_id: str, types: Sequence[str]) -> Endpoint:
        """Have these types sent, and enable the endpoint."""
        ...
