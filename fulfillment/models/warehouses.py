"""Warehouses: where goods lie, when a day's work ends there, and who carries parcels away."""

from datetime import time

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from fulfillment.calendars import find_zone
from globalmart.core.db import WorkQuerySet, WorkRow


class Warehouse(WorkRow):
    """A warehouse and how far its lists were read. Due means: poll it."""

    code = models.SlugField(max_length=20, unique=True)
    name = models.CharField(max_length=100)
    priority = models.PositiveSmallIntegerField(default=1)
    is_active = models.BooleanField(default=True)

    # What leaves today was asked for before the cut-off, local time, on a working day.
    time_zone = models.CharField(max_length=50, default="UTC", db_default="UTC")
    cutoff = models.TimeField(default=time(15, 0), db_default=time(15, 0))
    # ISO weekdays, 1 = Monday.
    working_days = models.CharField(
        max_length=7,
        default="12345",
        db_default="12345",
        validators=[RegexValidator("^1?2?3?4?5?6?7?$", "Weekdays in order, 1 is Monday.")],
    )

    # What its system can do. Without both, a request whose answer was lost is a person's work.
    can_look_up = models.BooleanField(default=True, db_default=True)
    deduplicates = models.BooleanField(default=True, db_default=True)

    poll_cursor = models.CharField(max_length=100, blank=True, default="")
    polled_at = models.DateTimeField(null=True, blank=True)
    # When the list was last read again from some time before, in case an entry came late.
    reread_at = models.DateTimeField(null=True, blank=True)
    stock_cursor = models.CharField(max_length=100, blank=True, default="", db_default="")
    stock_read_at = models.DateTimeField(null=True, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    returns_cursor = models.CharField(max_length=100, blank=True, default="", db_default="")

    objects = WorkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(working_days__regex="^1?2?3?4?5?6?7?$") & ~Q(working_days=""),
                name="warehouse_works_some_day",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a time zone that this machine does not know. Raises ValidationError."""
        if find_zone(self.time_zone) is None:
            raise ValidationError({"time_zone": "Write a time zone as Europe/London or UTC."})


class WarehouseHoliday(models.Model):
    """A day on which nothing leaves a warehouse."""

    warehouse = models.ForeignKey(Warehouse, on_delete=models.CASCADE, related_name="holidays")
    on_date = models.DateField()
    name = models.CharField(max_length=80)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["warehouse", "on_date"], name="one_holiday_per_day"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.on_date}"


class Carrier(models.Model):
    """Who carries parcels, and where they can be followed."""

    # As the warehouse names it.
    name = models.CharField(max_length=100, unique=True)
    # "{number}" stands for the tracking number.
    tracking_url_template = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(tracking_url_template="")
                | Q(tracking_url_template__regex=r"^https?://.*\{number\}"),
                name="tracking_template_has_number",
            ),
        ]

    def __str__(self) -> str:
        return self.name
