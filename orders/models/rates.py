"""Tax and shipping rates. What they give is frozen on the order when it is placed."""

from django.db import models
from django.db.models import Q

from orders.models.catalogue import TaxClass


class TaxRate(models.Model):
    """Tax of a class of goods in a country, in basis points (2000 = 20 %). No row: no tax."""

    country = models.CharField(max_length=2)
    tax_class = models.CharField(max_length=10, choices=TaxClass.choices)
    rate_bp = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["country", "tax_class"], name="one_rate_per_class"),
            models.CheckConstraint(condition=Q(rate_bp__lt=10_000), name="rate_below_hundred"),
        ]

    def __str__(self) -> str:
        return f"{self.country} {self.tax_class}: {self.rate_bp / 100} %"


class ShippingMethod(models.Model):
    """A way to ship, with the days it takes after dispatch."""

    code = models.SlugField(max_length=30, unique=True)
    name = models.CharField(max_length=80)
    days_min = models.PositiveSmallIntegerField(default=2)
    days_max = models.PositiveSmallIntegerField(default=4)
    position = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name


class ShippingRate(models.Model):
    """The price of a shipping method in one currency; free from `free_from_minor` of goods on."""

    method = models.ForeignKey(ShippingMethod, on_delete=models.CASCADE, related_name="rates")
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    free_from_minor = models.BigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["method", "currency"], name="one_shipping_rate"),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="shipping_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.method_id}: {self.amount_minor} {self.currency}"
