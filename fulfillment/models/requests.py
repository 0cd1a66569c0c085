"""Requests to a warehouse to ship."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from fulfillment.models.warehouses import Warehouse
from fulfillment.states import FULFILLMENT_AGE, FulfillmentState, WaitsFor
from globalmart.core.db import WorkQuerySet, WorkRow


class Fulfillment(WorkRow):
    """A request to one warehouse to ship lines of an order. Due means: send or look up."""

    order = models.ForeignKey("orders.Order", on_delete=models.PROTECT, related_name="+")
    warehouse = models.ForeignKey(Warehouse, on_delete=models.PROTECT, related_name="fulfillments")
    reference = models.CharField(max_length=40, unique=True)
    # Of the order's requests, from 1; the reference ends in it.
    number = models.PositiveSmallIntegerField(default=1, db_default=1)
    # How many times it was put right after the warehouse had refused it, from 1.
    sequence = models.PositiveSmallIntegerField(default=1)
    order_number = models.CharField(max_length=20)
    service = models.CharField(max_length=30)
    # Personal, so kept here once and never in timeline or outbox.
    ship_to = models.JSONField()
    state = models.CharField(
        max_length=30, choices=FulfillmentState.choices, default=FulfillmentState.PLANNED
    )
    wms_number = models.CharField(max_length=64, blank=True, default="")
    # Whether the order is on hold; what has left for the warehouse by then stays there.
    is_held = models.BooleanField(default=False, db_default=False)
    first_sent_at = models.DateTimeField(null=True, blank=True)
    # Two look-ups without a find, 60 s apart, before the same reference is sent again.
    absent_since = models.DateTimeField(null=True, blank=True)
    # The day on which it was promised to leave.
    promised_on = models.DateField(null=True, blank=True)
    # Somebody wants it stopped; why, and what it was when the warehouse was asked.
    cancel_wanted_at = models.DateTimeField(null=True, blank=True)
    cancel_reason = models.CharField(max_length=200, blank=True, default="", db_default="")
    state_before_cancel = models.CharField(max_length=30, blank=True, default="", db_default="")
    # It is recalled, not given up: what it had reserved stays the order's, for another request.
    keeps_units = models.BooleanField(default=False, db_default=False)
    # The warehouse could not stop it any more.
    is_too_late = models.BooleanField(default=False, db_default=False)
    # Who has to act before it can go on; empty while it goes on by itself.
    waits_for = models.CharField(
        max_length=12, choices=WaitsFor.choices, blank=True, default="", db_default=""
    )
    created_at = models.DateTimeField(db_default=Now())
    state_changed_at = models.DateTimeField(db_default=Now())

    objects = WorkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "number"], name="one_fulfillment_per_number"),
            models.CheckConstraint(
                condition=Q(state__in=FulfillmentState.values), name="fulfillment_state_known"
            ),
            # Only what is ready is sent, and only what is due is looked at.
            models.CheckConstraint(
                condition=~Q(is_held=True, state=FulfillmentState.READY), name="held_is_not_ready"
            ),
            models.CheckConstraint(
                condition=~Q(state=FulfillmentState.ON_HOLD) | Q(is_held=True, due_at__isnull=True),
                name="on_hold_waits_for_release",
            ),
            models.CheckConstraint(
                condition=Q(waits_for__in=["", *WaitsFor.values]), name="waits_for_known"
            ),
            # Nobody sends what waits for a person.
            models.CheckConstraint(
                condition=Q(waits_for__in=["", WaitsFor.NOBODY]) | Q(due_at__isnull=True),
                name="who_waits_is_not_due",
            ),
            models.CheckConstraint(
                condition=~Q(state=FulfillmentState.CANCELLATION_REQUESTED)
                | (Q(cancel_wanted_at__isnull=False) & ~Q(state_before_cancel="")),
                name="cancellation_knows_its_way_back",
            ),
            models.CheckConstraint(
                condition=Q(keeps_units=False) | Q(cancel_wanted_at__isnull=False),
                name="only_recalled_keep_units",
            ),
        ]
        indexes = [
            models.Index(
                fields=["wms_number"], name="fulfillment_wms", condition=~Q(wms_number="")
            ),
            models.Index(
                fields=["due_at"], name="fulfillment_due", condition=Q(due_at__isnull=False)
            ),
            # The watchdog's.
            models.Index(
                fields=["state", "state_changed_at"],
                name="fulfillment_open",
                condition=Q(state__in=sorted(FULFILLMENT_AGE)),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class FulfillmentLine(models.Model):
    fulfillment = models.ForeignKey(Fulfillment, on_delete=models.PROTECT, related_name="lines")
    sku = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    quantity = models.PositiveIntegerField()
    shipped = models.PositiveIntegerField(default=0)
    # What the warehouse will not ship, and why.
    short = models.PositiveIntegerField(default=0, db_default=0)
    short_reason = models.CharField(max_length=200, blank=True, default="", db_default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["fulfillment", "sku"], name="one_line_per_sku"),
            models.CheckConstraint(
                condition=Q(quantity__gt=0) & Q(quantity__gte=F("shipped") + F("short")),
                name="shipped_within_quantity",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku}"
