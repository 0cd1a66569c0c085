"""What is to be known of an order to write its payments down."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from payments.states import AttemptState, DisputeState, RefundState


@dataclass(slots=True, kw_only=True)
class SeedPayment:
    """How an order was paid for. Times in UTC, amounts in minor units.

    `state` is where the last attempt ends; `captures` are when how much was taken. `is_declined`:
    a first attempt failed. `refund` gives state, time and amount, for the first line's units;
    `dispute` state and time.
    """

    order_id: int
    order_public_id: str
    order_number: str
    currency: str
    amount_minor: int
    due_minor: int
    placed_at: datetime
    paid_at: datetime
    ended_at: datetime
    state: AttemptState
    is_server: bool = True
    is_declined: bool = False
    captures: Sequence[tuple[datetime, int]] = ()
    refund: tuple[RefundState, datetime, int] | None = None
    refunded_units: int = 0
    dispute: tuple[DisputeState, datetime] | None = None
    ids: dict[str, int] = field(default_factory=dict)
