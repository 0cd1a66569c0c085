"""What the shop's products cost: price lists, each in one currency, with tax in it or without."""

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from globalmart.core.money import charge_step
from orders.models.catalogue import Product

is_currency = RegexValidator(r"\A[A-Z]{3}\Z", "Enter three capital letters, as GBP.")


class PriceList(models.Model):
    """Prices in one currency. The shop sells by the default list of the currency, with tax in it;
    others are asked for by their code."""

    code = models.SlugField(max_length=30, unique=True)
    name = models.CharField(max_length=80)
    currency = models.CharField(
        max_length=3, validators=[is_currency], help_text="Three letters of ISO 4217, as GBP."
    )
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
                violation_error_message="This currency has a default list already: take the mark "
                "from that one first.",
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(is_active=True),
                name="default_list_is_active",
                violation_error_message="The default list of a currency has to be active.",
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(tax_included=True),
                name="default_list_includes_tax",
                violation_error_message="Customers are shown prices with tax: a list without it "
                "cannot be the default.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.currency})"


class Price(models.Model):
    """The price of one unit of a product in a list, in minor units of the list's currency."""

    product = models.ForeignKey(Product, on_delete=models.CASCADE, related_name="prices")
    price_list = models.ForeignKey(PriceList, on_delete=models.CASCADE, related_name="prices")
    amount_minor = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["product", "price_list"], name="one_price_per_list"),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="price_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.amount_minor} by list {self.price_list_id}"

    def clean(self) -> None:
        """Refuse a price that cannot be charged to the last digit."""
        step = charge_step(self.price_list.currency) if self.price_list_id else 1
        if self.amount_minor is not None and self.amount_minor % step:
            raise ValidationError(
                {"amount_minor": f"Cards carry two decimals: enter a multiple of {step}."}
            )
