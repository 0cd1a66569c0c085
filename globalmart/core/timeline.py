"""The append-only story of every subject."""

from collections.abc import Mapping
from typing import Any

from globalmart.core.models import TimelineEntry
from globalmart.core.requests import correlation_id


def record(
    *,
    subject_type: str,
    subject_id: int,
    kind: str,
    actor: str,
    before: str = "",
    after: str = "",
    reason: str = "",
    data: Mapping[str, Any] | None = None,
) -> None:
    """Append one entry, in the caller's transaction.

    `kind` names what happened (`order.confirmed`), `actor` who did it (`customer`, `system`,
    `staff:<id>`, `api:<client>`, `stripe`, `warehouse`). `data` holds ids, counts and minor
    units: never a name, an address or a message.
    """
    TimelineEntry.objects.create(
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
