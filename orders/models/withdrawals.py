"""Statements of withdrawal from a contract, as they were received."""

from django.db import models
from django.db.models import Q

from globalmart.core.db import LockingQuerySet
from orders.models.orders import Order


class Withdrawal(models.Model):
    """A customer's statement, never changed (Directive 2011/83/EU, Art. 11a).

    `units` says how many of which line, by position; all of the order where it `is_whole`.
    `email` is where the receipt goes. It is settled when all of it is cancelled or coming back.
    """

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="withdrawals")
    # Of the form: confirmed twice, it is one statement.
    uuid = models.UUIDField(unique=True)
    name = models.CharField(max_length=120)
    email = models.EmailField(max_length=254)
    is_whole = models.BooleanField()
    units = models.JSONField(default=dict)
    received_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    objects = LockingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(settled_at__isnull=True, is_whole=True),
                name="one_open_whole_withdrawal",
            ),
            models.CheckConstraint(
                condition=~Q(units={}),
                name="withdrawal_says_what",
            ),
        ]

    def __str__(self) -> str:
        return f"withdrawal from order {self.order_id}"
