"""The append-only story of every subject."""

from collections.abc import Mapping
from typing import Any

from globalmart.core import rows
from globalmart.core.models import TimelineEntry
from globalmart.core.requests import correlation_id


def record(**told: Any) -> None:
    """Append one entry, as `entry` makes it, in the caller's transaction."""
    rows.insert(entry(**told))


def entry(
    *,
    subject_type: str,
    subject_id: int,
    kind: str,
    actor: str,
    before: str = "",
    after: str = "",
    reason: str = "",
    data: Mapping[str, Any] | None = None,
) -> TimelineEntry:
    """Return an unsaved entry.

    `kind` names what happened (`order.confirmed`), `actor` who did it (`customer`, `system`,
    `staff:<id>`, `api:<client>`, `stripe`, `warehouse`). `data` holds ids, counts and minor
    units: never a name, an address or a message.
    """
    return TimelineEntry(
        subject_type=subject_type,
        subject_id=subject_id,
        kind=kind,
        before=before,
        after=after,
        actor=actor,
        reason=reason[:300],
        data=dict(data or {}),
        correlation_id=correlation_id.get(),
    )
