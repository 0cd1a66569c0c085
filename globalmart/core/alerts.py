"""Alerts: at most one open per kind and subject. The watchdog closes its own when they move on."""

from datetime import datetime

from globalmart.core.models import Alert


def open_alert(*, kind: str, subject_type: str, subject_id: int, detail: str) -> None:
    """Open an alert unless the same is open already."""
    Alert.objects.bulk_create(
        [Alert(kind=kind, subject_type=subject_type, subject_id=subject_id, detail=detail[:500])],
        ignore_conflicts=True,
    )


def close_alert(*, kind: str, subject_type: str, subject_id: int, now: datetime) -> None:
    """Close the open alert of this kind and subject, if there is one."""
    Alert.objects.filter(
        kind=kind, subject_type=subject_type, subject_id=subject_id, closed_at__isnull=True
    ).update(closed_at=now)
