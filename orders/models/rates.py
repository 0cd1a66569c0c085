"""Tax and shipping rates. What they give is frozen on the order when it is placed."""

from datetime import date

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q

from globalmart.core.money import THREE_DECIMALS, display
from orders.models.catalogue import TaxClass
from orders.models.prices import is_currency

is_country = RegexValidator(r"\A[A-Z]{2}\Z", "Enter two capital letters, as GB.")
LONG_AGO = date(2000, 1, 1)
REGION_HELP = (
    "As addresses write it, small or capital, as CA. Empty: the whole country. "
    "A region's own row goes before its country's."
)


class TaxRate(models.Model):
    """Tax of a class of goods in a country or a region of it, in basis points (2000 = 20 %), from
    a day on, until the next row's day. No row: no tax."""

    country = models.CharField(
        max_length=2, validators=[is_country], help_text="Two letters of ISO 3166, as GB."
    )
    region = models.CharField(
        max_length=80, blank=True, default="", db_default="", help_text=REGION_HELP
    )
    tax_class = models.CharField(max_length=10, choices=TaxClass.choices)
    rate_bp = models.PositiveIntegerField(
        "rate in basis points", help_text="2000 is 20 %. 0 ends a tax."
    )
    valid_from = models.DateField(
        default=LONG_AGO,
        db_default=LONG_AGO,
        help_text="Orders placed from this day on (UTC), until the day of the next row.",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["country", "region", "tax_class", "valid_from"],
                name="one_rate_per_class_and_day",
                violation_error_message="There is a rate from this day on: change that one.",
            ),
            models.CheckConstraint(condition=Q(rate_bp__lt=10_000), name="rate_below_hundred"),
        ]

    def __str__(self) -> str:
        place = f"{self.country} {self.region}".rstrip()
        return f"{place} {self.tax_class}: {self.rate_bp / 100} %"


class ShippingZone(models.Model):
    """Countries and regions to which a parcel costs the same."""

    code = models.SlugField(max_length=30, unique=True)
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name


class ZonePlace(models.Model):
    """A country, or a region of it, in a zone, and in no other."""

    zone = models.ForeignKey(ShippingZone, on_delete=models.CASCADE, related_name="places")
    country = models.CharField(
        max_length=2, validators=[is_country], help_text="Two letters of ISO 3166, as GB."
    )
    region = models.CharField(
        max_length=80, blank=True, default="", db_default="", help_text=REGION_HELP
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["country", "region"],
                name="one_zone_per_place",
                violation_error_message="This place is in a zone already.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.country} {self.region}".rstrip()


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
    """The price of a shipping method in one currency, to a zone, for parcels of some weight and
    goods of some value; free from `free_from_minor` of goods on.

    The rates of a region's zone go before those of its country's, and those before the ones without
    a zone, which hold everywhere else. Weight and
    value begin with the lower bound and end below the upper one; where several rates hold, the
    cheapest is taken. The value of goods is what they cost before discounts.
    """

    method = models.ForeignKey(ShippingMethod, on_delete=models.CASCADE, related_name="rates")
    zone = models.ForeignKey(
        ShippingZone,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="rates",
        help_text="Empty: wherever no other rate of this method names a zone.",
    )
    currency = models.CharField(max_length=3, validators=[is_currency])
    amount_minor = models.BigIntegerField()
    weight_from_grams = models.PositiveIntegerField(default=0, db_default=0)
    weight_below_grams = models.PositiveIntegerField(
        null=True, blank=True, help_text="Lighter than this. Empty: however heavy."
    )
    value_from_minor = models.BigIntegerField(default=0, db_default=0)
    value_below_minor = models.BigIntegerField(
        null=True, blank=True, help_text="Goods worth less than this. Empty: however much."
    )
    free_from_minor = models.BigIntegerField(
        null=True, blank=True, help_text="Goods worth this or more ship free."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["method", "zone", "currency", "weight_from_grams", "value_from_minor"],
                nulls_distinct=False,
                name="one_shipping_rate",
                violation_error_message="This method has a rate for this zone, currency, weight "
                "and value already: change that one.",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gte=0), name="shipping_not_negative"),
            models.CheckConstraint(
                condition=~Q(currency__in=THREE_DECIMALS)
                | Q(amount_minor=F("amount_minor") / 10 * 10),
                name="shipping_chargeable",
                violation_error_message="Cards carry two decimals: enter a multiple of 10.",
            ),
            models.CheckConstraint(
                condition=Q(weight_below_grams__isnull=True)
                | Q(weight_below_grams__gt=F("weight_from_grams")),
                name="shipping_weights_in_order",
                violation_error_message="The weight has to end above where it begins.",
            ),
            models.CheckConstraint(
                condition=Q(value_from_minor__gte=0)
                & (
                    Q(value_below_minor__isnull=True)
                    | Q(value_below_minor__gt=F("value_from_minor"))
                ),
                name="shipping_values_in_order",
                violation_error_message="The value of goods has to end above where it begins.",
            ),
        ]

    def __str__(self) -> str:
        return display(self.amount_minor, self.currency)
