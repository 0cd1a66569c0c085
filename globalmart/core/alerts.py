"""Alerts: opened once, closed when the reason is gone."""

from datetime import datetime

from globalmart.core.models import Alert


def open_alert(*, kind: str, subject_type: str, subject_id: int, detail: str) -> None:
    """Open an alert unless the same is open already."""
    Alert.objects.bulk_create(
        [Alert(kind=kind, subject_type=subject_type, subject_id=subject_id, detail=detail[:500])],
        ignore_conflicts=True,
    )


def close_alerts(*, kind: str, subject_type: str, subject_id: int, now: datetime) -> None:
    """Close what is open of this kind on this subject."""
    Alert.objects.filter(
        kind=kind, subject_type=subject_type, subject_id=subject_id, closed_at__isnull=True
    ).update(closed_at=now)
