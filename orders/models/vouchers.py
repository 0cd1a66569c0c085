"""What makes an order cheaper: vouchers and promotions, and what an order got of them."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now, Upper

from globalmart.core.db import LockingQuerySet
from orders.models.catalogue import Category, Product
from orders.models.orders import Order
from orders.models.prices import is_currency
from orders.pricing import DiscountKind, DiscountSource

KINDS = [(kind.value, kind.value.replace("_", " ").capitalize()) for kind in DiscountKind]
SOURCES = [(source.value, source.value.capitalize()) for source in DiscountSource]
TERMS_BY_KIND = (
    Q(kind=DiscountKind.PERCENT.value, rate_bp__gt=0, rate_bp__lte=10_000, amount_minor=0)
    | Q(kind=DiscountKind.AMOUNT.value, rate_bp=0, amount_minor__gt=0)
    | Q(kind=DiscountKind.FREE_SHIPPING.value, rate_bp=0, amount_minor=0)
)


class DiscountTerms(models.Model):
    """What a discount gives, from which value of goods on, and when. Money is in minor units."""

    kind = models.CharField(max_length=15, choices=KINDS)
    rate_bp = models.PositiveIntegerField(
        "percent in basis points", default=0, help_text="1000 is 10 %. Only for a percentage."
    )
    amount_minor = models.BigIntegerField(default=0, help_text="Only for an amount: off the goods.")
    currency = models.CharField(
        max_length=3,
        blank=True,
        default="",
        validators=[is_currency],
        help_text="Orders in this currency. Empty: any; an amount or a minimum needs one.",
    )
    minimum_minor = models.BigIntegerField(
        default=0, help_text="The goods it applies to cost at least this, before discounts."
    )
    valid_from = models.DateTimeField(null=True, blank=True, help_text="Empty: at once.")
    valid_until = models.DateTimeField(
        null=True, blank=True, help_text="Until just before this moment. Empty: without end."
    )
    is_active = models.BooleanField(default=True)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=TERMS_BY_KIND,
                name="%(class)s_terms_by_kind",
                violation_error_message="Give a percentage its basis points (to 10000), an amount "
                "its amount, and leave the rest 0.",
            ),
            models.CheckConstraint(
                condition=Q(minimum_minor__gte=0)
                & (~Q(currency="") | Q(amount_minor=0, minimum_minor=0)),
                name="%(class)s_money_has_currency",
                violation_error_message="An amount, or a minimum, needs its currency.",
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True)
                | Q(valid_until__isnull=True)
                | Q(valid_until__gt=F("valid_from")),
                name="%(class)s_ends_after_it_begins",
                violation_error_message="It has to end after it begins.",
            ),
        ]


class Promotion(DiscountTerms):
    """A discount that every fitting order gets by itself: on a product, on a category, or on all
    goods. The lowest priority is applied first."""

    name = models.CharField(max_length=80, help_text="The customer reads it beside the discount.")
    category = models.ForeignKey(
        Category, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    priority = models.PositiveSmallIntegerField(
        default=100, help_text="The lowest is applied first; the next ones to what is left."
    )

    class Meta(DiscountTerms.Meta):
        constraints = [
            *DiscountTerms.Meta.constraints,
            models.CheckConstraint(
                condition=Q(category__isnull=True) | Q(product__isnull=True),
                name="promotion_has_one_target",
                violation_error_message="Choose a category or a product, not both.",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Voucher(DiscountTerms):
    """A discount for whoever enters its code. `uses` counts the orders that have it now."""

    code = models.CharField(max_length=40, help_text="Customers may type it small or capital.")
    name = models.CharField(
        max_length=80, blank=True, default="", help_text="Shown instead of the code, where set."
    )
    max_uses = models.PositiveIntegerField(
        null=True, blank=True, help_text="Orders that may have it. Empty: any number."
    )
    max_uses_per_customer = models.PositiveIntegerField(
        null=True, blank=True, help_text="Orders of one e-mail address. Empty: any number."
    )
    uses = models.PositiveIntegerField(default=0, editable=False)

    objects = LockingQuerySet.as_manager()

    class Meta(DiscountTerms.Meta):
        constraints = [
            *DiscountTerms.Meta.constraints,
            models.UniqueConstraint(
                Upper("code"),
                name="one_voucher_per_code",
                violation_error_message="Another voucher has this code.",
            ),
            models.CheckConstraint(
                condition=Q(max_uses__isnull=True) | Q(uses__lte=F("max_uses")),
                name="voucher_uses_within_limit",
                violation_error_message="More orders than that have it already.",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class VoucherUse(models.Model):
    """A voucher that an order took; given back when the order ends with nothing sent.

    `customer_key` is a keyed hash of the e-mail address. `place` is the lowest number that no kept
    use of this customer has, and `limit` how many the customer had when it was taken, so that the
    database itself refuses one too many.
    """

    voucher = models.ForeignKey(Voucher, on_delete=models.PROTECT, related_name="taken")
    order = models.OneToOneField(Order, on_delete=models.PROTECT, related_name="voucher_use")
    customer_key = models.CharField(max_length=64)
    place = models.PositiveIntegerField()
    limit = models.PositiveIntegerField(null=True)
    taken_at = models.DateTimeField(db_default=Now())
    released_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["voucher", "customer_key", "place"],
                condition=Q(released_at__isnull=True),
                name="one_voucher_use_per_place",
            ),
            models.CheckConstraint(
                condition=Q(place__gte=1) & (Q(limit__isnull=True) | Q(place__lte=F("limit"))),
                name="voucher_use_within_limit",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.voucher_id} for {self.order_id}"


class OrderDiscount(models.Model):
    """A discount that an order got, as it was named then. They sum to the order's discount."""

    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="discounts")
    position = models.PositiveSmallIntegerField()
    source = models.CharField(max_length=10, choices=SOURCES)
    name = models.CharField(max_length=80)
    code = models.CharField(max_length=40, blank=True, default="")
    amount_minor = models.BigIntegerField()
    on_shipping = models.BooleanField(default=False)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["order", "position"], name="one_discount_per_position"),
            models.UniqueConstraint(
                fields=["order"],
                condition=Q(source=DiscountSource.VOUCHER.value),
                name="one_voucher_per_order",
            ),
            models.CheckConstraint(condition=Q(amount_minor__gt=0), name="discount_positive"),
            models.CheckConstraint(
                condition=Q(source__in=[each.value for each in DiscountSource]),
                name="discount_source_known",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}: {self.amount_minor}"
