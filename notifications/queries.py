"""What others may ask about messages."""

from datetime import datetime

from globalmart.core.choreography import MOST_STUCK, Stuck
from notifications.models import Message
from notifications.states import MESSAGE_AGE


def has_due_messages(*, now: datetime) -> bool:
    """Tell whether a message waits to be sent."""
    return Message.objects.due(now=now).exists()


def list_stuck(*, now: datetime) -> list[Stuck]:
    """Return messages older in their state than the state's age."""
    return [
        Stuck(
            "order",
            row.order_id,
            "message_stuck",
            f"{row.kind} by {row.channel} has been {state} since {row.state_changed_at:%F %T}",
        )
        for state, age in MESSAGE_AGE.items()
        for row in Message.objects.filter(state=state, state_changed_at__lt=now - age).order_by(
            "state_changed_at"
        )[:MOST_STUCK]
    ]
