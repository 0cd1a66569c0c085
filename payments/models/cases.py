"""Differences about money that a person must look at, or that were healed."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from globalmart.core.db import LockingQuerySet
from payments.models.accounts import PaymentAttempt
from payments.states import CaseKind


class PaymentCase(models.Model):
    """One difference between our books and Stripe's, or one payment that does not fit.

    At most one is open per kind and subject (Stripe's id of the thing). Minor units.
    """

    kind = models.CharField(max_length=30, choices=CaseKind.choices)
    subject = models.CharField(max_length=255)
    order = models.ForeignKey(
        "orders.Order", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    attempt = models.ForeignKey(
        PaymentAttempt, on_delete=models.PROTECT, null=True, blank=True, related_name="cases"
    )
    our_minor = models.BigIntegerField(null=True, blank=True)
    their_minor = models.BigIntegerField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True, default="")
    detail = models.CharField(max_length=500)
    opened_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)
    # `system` where it was healed, else who closed it; and what was done.
    closed_by = models.CharField(max_length=60, blank=True, default="")
    resolution = models.CharField(max_length=300, blank=True, default="")

    objects = LockingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=Q(closed_at__isnull=True),
                name="one_open_case_per_subject",
            ),
            models.CheckConstraint(condition=Q(kind__in=CaseKind.values), name="case_kind_known"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, resolution="")
                | (Q(closed_at__isnull=False) & ~Q(closed_by="") & ~Q(resolution="")),
                name="closed_case_says_how",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Cursor(models.Model):
    """How far something that is read in pages, or from a moment on, has been read."""

    name = models.CharField(max_length=60, primary_key=True)
    read_until = models.DateTimeField()

    objects = LockingQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.name} read until {self.read_until}"
