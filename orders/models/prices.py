"""What the shop's products cost: price lists, each in one currency, with tax in it or without."""

from django.db import models
from django.db.models import Q

from orders.models.catalogue import Product


class PriceList(models.Model):
    """Prices in one currency. The shop sells by the default list of the customer's currency;
    others are asked for by their code."""

    code = models.SlugField(max_length=30, unique=True)
    name = models.CharField(max_length=80)
    currency = models.CharField(max_length=3, help_text="Three letters of ISO 4217, as GBP.")
    tax_included = models.BooleanField(
        default=True,
        db_default=True,
        help_text="Without it tax is put on top of these prices, and of shipping beside them.",
    )
    is_default = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Used where nobody asks for a list. A currency has one of them at most.",
    )
    is_active = models.BooleanField(default=True, db_default=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["currency"],
                condition=Q(is_default=True),
                name="one_default_list_per_currency",
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(is_active=True), name="default_list_is_active"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.currency})"


class Price(models.Model):
    """The price of one unit of a product in a list, in minor units of the list's currency."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="prices")
    price_list = models.ForeignKey(
        PriceList, on_delete=models.CASCADE, related_name="prices", null=True
    )
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "currency"], name="one_price_per_currency"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="price_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} {self.currency}"
