"""Baskets: in the database, so that a lost session or a flushed cache loses nothing."""

from uuid import uuid4

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from globalmart.core.db import LockingQuerySet
from orders.models.catalogue import Product


class Basket(models.Model):
    """A guest's basket and what they typed at checkout so far (`details`)."""

    public_id = models.UUIDField(unique=True, default=uuid4, editable=False)
    currency = models.CharField(max_length=3)
    details = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    objects = LockingQuerySet.as_manager()

    def __str__(self) -> str:
        return f"basket {self.public_id}"


class BasketLine(models.Model):
    """A product in a basket, with the price that the customer saw (minor units)."""

    basket = models.ForeignKey(Basket, on_delete=models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="+")
    quantity = models.PositiveIntegerField()
    seen_price_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["basket", "product"], name="one_basket_line"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="basket_line_quantity"),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.product_id}"
