"""Orders and their lines: every amount frozen when placed, in minor units."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse

from globalmart.core.db import LockingQuerySet
from globalmart.core.models import ApiClient
from globalmart.core.money import THREE_DECIMALS
from orders.models.baskets import Basket
from orders.models.catalogue import Product
from orders.models.expressions import email_key, name_words, phone_end
from orders.states import OrderState, PaymentTiming


class Order(models.Model):
    """An order. `tax_minor` is the part of `total_minor` that is tax, however it was priced.

    Of a price list without tax `tax_added_minor` is that tax, put on top; of one with tax it is 0.
    `discount_minor` is what its lines and its shipping were discounted by, together.
    """

    public_id = models.CharField(max_length=40)
    number = models.CharField(max_length=20, unique=True)
    state = models.CharField(
        max_length=20, choices=OrderState.choices, default=OrderState.PENDING_PAYMENT
    )
    version = models.PositiveIntegerField(default=1)
    is_live = models.BooleanField(default=False)

    currency = models.CharField(max_length=3)
    subtotal_minor = models.BigIntegerField()
    shipping_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    tax_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()
    tax_added_minor = models.BigIntegerField(default=0, db_default=0)
    shipping_discount_minor = models.BigIntegerField(default=0, db_default=0)
    shipping_tax_minor = models.BigIntegerField(default=0, db_default=0)
    shipping_tax_rate_bp = models.PositiveIntegerField(default=0, db_default=0)

    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=120)
    phone = models.CharField(max_length=30, blank=True, default="")
    wants_sms = models.BooleanField(default=False)
    shipping_address = models.JSONField()
    billing_address = models.JSONField(null=True, blank=True)
    shipping_method = models.CharField(max_length=30)
    metadata = models.JSONField(default=dict, blank=True)

    api_client = models.ForeignKey(
        ApiClient,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,  # order_client begins with it
    )
    external_ref = models.CharField(max_length=100, null=True, blank=True)  # noqa: DJ001 - unique
    basket = models.OneToOneField(
        Basket, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    link_version = models.PositiveSmallIntegerField(default=1)

    # The latest day of its products, while that was ahead; nothing leaves before it.
    ships_from = models.DateField(null=True, blank=True)
    payment_timing = models.CharField(
        max_length=20, choices=PaymentTiming.choices, default=PaymentTiming.AT_SHIPMENT
    )
    # Nobody expects a step of the order before this: its age counts from then.
    waits_until = models.DateTimeField(null=True, blank=True)

    created_at = models.DateTimeField(db_default=Now())
    state_changed_at = models.DateTimeField(db_default=Now())
    payment_due_at = models.DateTimeField(null=True, blank=True)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    objects = LockingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="one_order_per_public_id"),
            models.UniqueConstraint(
                fields=["api_client", "external_ref"], name="one_order_per_external_ref"
            ),
            models.CheckConstraint(
                condition=Q(state__in=OrderState.values), name="order_state_known"
            ),
            models.CheckConstraint(
                condition=Q(payment_timing__in=PaymentTiming.values), name="payment_timing_known"
            ),
            models.CheckConstraint(
                condition=Q(payment_due_at__isnull=False)
                | Q(state__in=[OrderState.DRAFT, OrderState.CANCELLED])
                | Q(payment_timing=PaymentTiming.BY_INVITATION, waits_until__isnull=False),
                name="only_invited_wait_without_deadline",
            ),
            models.CheckConstraint(
                condition=Q(
                    total_minor=F("subtotal_minor")
                    + F("shipping_minor")
                    - F("discount_minor")
                    + F("tax_added_minor")
                ),
                name="order_total_adds_up",
            ),
            models.CheckConstraint(
                condition=~Q(currency__in=THREE_DECIMALS)
                | Q(total_minor=F("total_minor") / 10 * 10),
                name="order_total_chargeable",
            ),
            models.CheckConstraint(
                condition=Q(subtotal_minor__gte=0)
                & Q(shipping_minor__gte=0)
                & Q(discount_minor__gte=0)
                & Q(tax_minor__gte=0)
                & Q(tax_minor__lte=F("total_minor"))
                # A draft may be empty yet, and be discarded so.
                & (Q(total_minor__gt=0) | Q(state__in=[OrderState.DRAFT, OrderState.CANCELLED])),
                name="order_amounts_in_order",
            ),
            models.CheckConstraint(
                condition=Q(tax_added_minor=0) | Q(tax_added_minor=F("tax_minor")),
                name="order_tax_added_whole_or_not",
            ),
            models.CheckConstraint(
                condition=Q(shipping_discount_minor__gte=0)
                & Q(shipping_discount_minor__lte=F("shipping_minor"))
                & Q(shipping_discount_minor__lte=F("discount_minor"))
                & Q(shipping_tax_minor__gte=0)
                & Q(shipping_tax_minor__lte=F("tax_minor")),
                name="order_shipping_in_order",
            ),
        ]
        indexes = [
            models.Index(fields=["state", "-id"], name="order_state"),
            models.Index(fields=["email"], name="order_email"),
            models.Index(fields=["api_client", "-id"], name="order_client"),
            # The search's; see queries/search.
            models.Index(
                OpClass(email_key(), name="text_pattern_ops"), name="order_email_beginning"
            ),
            models.Index(
                OpClass(phone_end(), name="text_pattern_ops"),
                name="order_phone_end",
                condition=~Q(phone=""),
            ),
            models.Index(
                fields=["external_ref"],
                name="order_reference",
                condition=Q(external_ref__isnull=False),
            ),
            GinIndex(name_words(), name="order_name_words", fastupdate=False),
            models.Index(
                fields=["payment_due_at"],
                name="order_unpaid",
                condition=Q(state=OrderState.PENDING_PAYMENT),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        """The staff's page of the order (the customer's carries a secret: orders.links)."""
        return reverse("admin:orders_order_change", args=[self.pk])

    @property
    def shipping_total_minor(self) -> int:
        """What the customer pays for shipping, with tax and less its discount."""
        added = self.shipping_tax_minor if self.tax_added_minor else 0
        return self.shipping_minor - self.shipping_discount_minor + added

    @property
    def is_charged_at_order(self) -> bool:
        return self.payment_timing == PaymentTiming.AT_ORDER


class OrderLine(models.Model):
    """One SKU of an order. `total_minor` = quantity x unit price - discount + tax added: what the
    customer pays for it, with tax. Of `quantity` so many units are `allocated` (reserved and not
    yet shipped), `shipped`, and `cancelled`; of the shipped ones so many were `returned`.
    """

    public_id = models.CharField(max_length=40)
    order = models.ForeignKey(
        Order,
        on_delete=models.PROTECT,
        related_name="lines",
        db_index=False,  # one_order_line_per_sku begins with it
    )
    position = models.PositiveSmallIntegerField()
    product = models.ForeignKey(Product, on_delete=models.PROTECT, related_name="+")
    sku = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    quantity = models.PositiveIntegerField()
    unit_price_minor = models.BigIntegerField()
    discount_minor = models.BigIntegerField(default=0)
    tax_class = models.CharField(max_length=10)
    tax_rate_bp = models.PositiveIntegerField(default=0)
    tax_minor = models.BigIntegerField()
    tax_added_minor = models.BigIntegerField(default=0, db_default=0)
    total_minor = models.BigIntegerField()
    allocated = models.PositiveIntegerField(default=0, db_default=0)
    shipped = models.PositiveIntegerField(default=0)
    cancelled = models.PositiveIntegerField(default=0)
    returned = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["public_id"], name="one_line_per_public_id"),
            models.UniqueConstraint(fields=["order", "sku"], name="one_order_line_per_sku"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="order_line_quantity"),
            models.CheckConstraint(
                condition=Q(
                    total_minor=F("quantity") * F("unit_price_minor")
                    - F("discount_minor")
                    + F("tax_added_minor")
                ),
                name="order_line_total_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(discount_minor__gte=0)
                & Q(discount_minor__lte=F("quantity") * F("unit_price_minor"))
                & Q(tax_minor__gte=0)
                & (Q(tax_added_minor=0) | Q(tax_added_minor=F("tax_minor"))),
                name="order_line_amounts_in_order",
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=F("allocated") + F("shipped") + F("cancelled")),
                name="line_units_within_quantity",
            ),
            models.CheckConstraint(
                condition=Q(shipped__gte=F("returned")), name="line_returned_within_shipped"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} x {self.sku}"

    @property
    def goods_minor(self) -> int:
        """What its units cost by the price list, before discount and tax added."""
        return self.quantity * self.unit_price_minor
