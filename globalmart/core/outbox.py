"""Events: plain frozen data, written beside the change that they tell of."""

from dataclasses import asdict, dataclass
from typing import ClassVar
from uuid import UUID

from globalmart.core import rows
from globalmart.core.models import OutboxEvent
from globalmart.core.requests import correlation_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Base of all events: a name in the past tense, a subject, and ids only.

    Subclasses set `name` (`payment.authorized`) and `subject_type`, and may add fields that
    JSON can carry: ids, counts, minor units; no personal values.
    """

    name: ClassVar[str]
    subject_type: ClassVar[str]
    subject_id: int


def publish(event: Event) -> UUID:
    """Write the event into the caller's transaction and return its id."""
    row = outbox_row(event)
    rows.insert(row)
    return row.id


def outbox_row(event: Event) -> OutboxEvent:
    """Return the event as an unsaved row of the outbox."""
    payload = asdict(event)
    payload.pop("subject_id")
    return OutboxEvent(
        name=event.name,
        subject_type=event.subject_type,
        subject_id=event.subject_id,
        payload=payload,
        correlation_id=correlation_id.get(),
    )
