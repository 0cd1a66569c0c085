"""What rows are found by, as expressions: an index and its query must be the same to the letter."""

from django.db.models import F, Func, Value
from django.db.models.functions import Replace, Upper


def tracking_key() -> Func:
    """Return a parcel's tracking number in capitals without spaces, as finding.key_of writes it."""
    return Upper(Replace(F("tracking_number"), Value(" "), Value("")))
