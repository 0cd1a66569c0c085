"""What staff note down on the telephone before it is an order."""

from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from globalmart.core.db import LockingQuerySet
from orders.models.orders import Order
from orders.states import OrderState

# Orders that were never placed: drafts, and those that were discarded.
NEVER_PLACED = Q(state=OrderState.DRAFT) | Q(draft__isnull=False, draft__submitted_at__isnull=True)


class OrderDraft(models.Model):
    """What an order has while it is a draft, and who made it. The order and its lines hold the
    rest, priced as of the last change; prices are frozen when it is submitted.

    `key` is the form's: sent twice, it makes one draft. `created_by` and `submitted_by` are actors
    as in the timeline.
    """

    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="draft")
    key = models.UUIDField(unique=True, default=uuid4)
    voucher = models.CharField(max_length=40, blank=True, default="")
    note = models.CharField(max_length=500, blank=True, default="")
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())
    submitted_by = models.CharField(max_length=80, blank=True, default="")
    submitted_at = models.DateTimeField(null=True, blank=True)

    objects = LockingQuerySet.as_manager()

    class Meta:
        permissions = (("draft_order", "Can take orders by phone"),)
        constraints = [
            models.CheckConstraint(
                condition=Q(submitted_at__isnull=True, submitted_by="")
                | (Q(submitted_at__isnull=False) & ~Q(submitted_by="")),
                name="submitted_draft_names_whose",
            )
        ]

    def __str__(self) -> str:
        return f"draft of order {self.order_id}"
