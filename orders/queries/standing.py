"""What an order's page says and offers of changes: to cancel units, another address, contact."""

from dataclasses import dataclass

from orders.models import CancellationLine, Order, OrderCancellation
from orders.queries import changes, corrections
from orders.states import CancellationState

C = CancellationState
Units = tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What of an order can be changed, and how the last wishes stand.

    `asked` are units of which the warehouse is asked, as (units, name); `refused` those of the last
    wish for which it was too late. `address` is the state of the last wish for another address, or
    empty.
    """

    can_cancel_units: bool
    can_change_address: bool
    can_change_contact: bool
    asked: Units
    refused: Units
    address: str


def standing_of(*, order: Order) -> Standing:
    """Return what the order's page offers, and says, of changes."""
    last = OrderCancellation.objects.filter(order=order).order_by("-pk").first()
    address = corrections.find_latest_address(order_id=order.pk)
    can_units = not changes.why_no_units(order=order)
    return Standing(
        can_cancel_units=can_units,
        can_change_address=not changes.why_no_address(order=order),
        can_change_contact=not changes.why_no_contact(order=order),
        asked=_units(last, C.REQUESTED),
        refused=_units(last, C.REJECTED),
        address=address.state if address else "",
    )


def _units(wish: OrderCancellation | None, state: CancellationState) -> Units:
    """Return the units of a wish in this state that were not given up."""
    if wish is None or wish.is_whole or wish.state != state:
        return ()
    rows = CancellationLine.objects.filter(cancellation=wish).select_related("line")
    left = ((row.quantity - row.given_up, row.line.name) for row in rows.order_by("line__position"))
    return tuple((units, name) for units, name in left if units)
