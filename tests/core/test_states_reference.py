"""docs/reference/states.md shows the state tables exactly as the code has them."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models import TextChoices

from fulfillment import states as fulfillment
from globalmart.core.states import Ages, Table
from notifications import states as notifications
from orders import states as orders
from payments import states as payments

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "states.md"
MACHINES: dict[str, tuple[type[TextChoices], Table, Ages]] = {
    "Order": (orders.OrderState, orders.ORDER, orders.ORDER_AGE),
    "Cancellation": (orders.CancellationState, orders.CANCELLATION, orders.CANCELLATION_AGE),
    "Correction": (orders.CorrectionState, orders.CORRECTION, orders.CORRECTION_AGE),
    "Shortage": (orders.ShortageState, orders.SHORTAGE, orders.SHORTAGE_AGE),
    "Return": (orders.ReturnState, orders.RETURN, orders.RETURN_AGE),
    "Reception": (orders.Reception, orders.RECEPTION, {}),
    "Decision": (orders.Decision, orders.DECISION, {}),
    "Payment attempt": (payments.AttemptState, payments.ATTEMPT, payments.ATTEMPT_AGE),
    "Payment operation": (payments.OperationState, payments.OPERATION, payments.OPERATION_AGE),
    "Refund": (payments.RefundState, payments.REFUND, payments.REFUND_AGE),
    "Dispute": (payments.DisputeState, payments.DISPUTE, payments.DISPUTE_AGE),
    "Fulfillment": (
        fulfillment.FulfillmentState,
        fulfillment.FULFILLMENT,
        fulfillment.FULFILLMENT_AGE,
    ),
    "Reservation": (
        fulfillment.ReservationState,
        fulfillment.RESERVATION,
        fulfillment.RESERVATION_AGE,
    ),
    "Parcel": (fulfillment.ShipmentState, fulfillment.SHIPMENT, fulfillment.SHIPMENT_AGE),
    "Message": (notifications.MessageState, notifications.MESSAGE, notifications.MESSAGE_AGE),
}


def age(span: timedelta | None) -> str:
    """Return an age in the page's words."""
    if span is None:
        return "never"
    minutes = int(span.total_seconds()) // 60
    for size, word in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes % size == 0:
            count = minutes // size
            return f"{count} {word}{'s' if count > 1 else ''}"
    raise AssertionError("unreachable")


def render(states: type[TextChoices], table: Table, ages: Ages) -> str:
    """Return the Markdown table of one machine."""
    lines = ["| State | May be followed by | Alarm after |", "|---|---|---|"]
    for state in states.values:
        following = [f"`{name}`" for name in states.values if name in table.get(state, ())]
        row = ", ".join(following) or "nothing: final"
        lines.append(f"| `{state}` | {row} | {age(ages.get(state))} |")
    return "\n".join(lines)


class TestStatesPage:
    @pytest.mark.parametrize("name", MACHINES)
    def test_shows_the_table_of_the_code(self, name: str) -> None:
        section = PAGE.read_text().split(f"## {name}\n")[1].split("\n## ")[0]
        assert render(*MACHINES[name]) in section

    @pytest.mark.parametrize("name", MACHINES)
    def test_every_edge_leads_to_a_state(self, name: str) -> None:
        states, table, ages = MACHINES[name]
        named = {*table, *ages, *(after for row in table.values() for after in row)}
        assert named <= set(states.values)
