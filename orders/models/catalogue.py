"""What the shop sells."""

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.urls import reverse


class TaxClass(models.TextChoices):
    STANDARD = "standard"
    REDUCED = "reduced"
    ZERO = "zero"


class Category(models.Model):
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=80)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("orders:category", args=[self.slug])


class Product(models.Model):
    """A thing for sale. Stock is the fulfillment app's, by `sku`."""

    sku = models.CharField(max_length=40, unique=True)
    slug = models.SlugField(max_length=120, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="products")
    tax_class = models.CharField(max_length=10, choices=TaxClass.choices, default=TaxClass.STANDARD)
    weight_grams = models.PositiveIntegerField(
        default=0,
        db_default=0,
        help_text="Of one unit, packed. 0: unknown, and nothing for the price of shipping.",
    )
    is_active = models.BooleanField(default=True)
    ships_from = models.DateField(
        null=True,
        blank=True,
        help_text="For goods that are still to come: nothing is shipped before this day. "
        "Their stock can be ordered already.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["category", "name"], name="product_category"),
            models.Index(fields=["name", "id"], name="product_name"),
            # Built-in full text: no extension is required.
            GinIndex(
                SearchVector("name", "sku", "description", config="english"), name="product_search"
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(tax_class__in=TaxClass.values), name="tax_class_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.sku})"

    def get_absolute_url(self) -> str:
        return reverse("orders:product", args=[self.slug])
