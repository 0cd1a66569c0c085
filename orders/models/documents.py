"""Invoices, credit notes and what takes them back: numbered without gaps, never changed."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from globalmart.core.db import LockingQuerySet
from orders.models.orders import Order
from orders.states import DocumentKind

PREFIX = r"^[A-Z0-9][A-Z0-9-]*$"
PREFIXES = ("invoice_prefix", "credit_note_prefix", "reversal_prefix")
is_prefix = RegexValidator(PREFIX, "Use capitals A to Z, digits and dashes, as INV-.")


class LegalEntity(models.Model):
    """A company that sells. An order is sold by the one that names the country that it is sent to,
    else by the default one. What it is called is frozen on each document.
    """

    code = models.SlugField(max_length=20, unique=True)
    name = models.CharField(max_length=120)
    address = models.TextField(
        max_length=400, blank=True, default="", help_text="As on the letterhead, line by line."
    )
    country = models.CharField(max_length=2, help_text="Two letters, as GB.")
    tax_number = models.CharField(max_length=40, blank=True, default="")
    email = models.EmailField(max_length=254, blank=True, default="")
    # ISO codes of the countries that it sells to.
    countries = models.JSONField(
        default=list, blank=True, help_text='Countries that it sells to, as ["DE", "AT"].'
    )
    # They begin numbers, which stand in addresses and file names and are typed into the search.
    invoice_prefix = models.CharField(
        max_length=12, unique=True, validators=[is_prefix], help_text="As INV-."
    )
    credit_note_prefix = models.CharField(
        max_length=12, unique=True, validators=[is_prefix], help_text="As CN-."
    )
    reversal_prefix = models.CharField(
        max_length=12,
        unique=True,
        validators=[is_prefix],
        help_text="Of what takes a credit note back, as CR-.",
    )
    is_default = models.BooleanField(default=False)

    objects = LockingQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "legal entities"
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"], condition=Q(is_default=True), name="one_default_entity"
            ),
            models.CheckConstraint(
                condition=~Q(invoice_prefix=F("credit_note_prefix"))
                & ~Q(invoice_prefix=F("reversal_prefix"))
                & ~Q(credit_note_prefix=F("reversal_prefix")),
                name="entity_prefixes_differ",
            ),
            models.CheckConstraint(
                condition=Q(
                    invoice_prefix__regex=PREFIX,
                    credit_note_prefix__regex=PREFIX,
                    reversal_prefix__regex=PREFIX,
                ),
                name="entity_prefixes_plain",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a prefix that another entity's numbers of any kind begin with: in the end it
        would be the unique number that refuses each second document."""
        others = LegalEntity.objects.exclude(pk=self.pk).values_list(*PREFIXES)
        taken = {prefix for prefixes in others for prefix in prefixes}
        wrong: dict[str, Any] = {
            name: "Another legal entity's numbers begin with it."
            for name in PREFIXES
            if getattr(self, name) in taken
        }
        if wrong:
            raise ValidationError(wrong)


class DocumentSeries(models.Model):
    """The counter of one kind of document of one entity in one year. Its row is locked while a
    number is taken, so that a number that was not used is not gone."""

    entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="series")
    kind = models.CharField(max_length=22, choices=DocumentKind.choices)
    year = models.PositiveSmallIntegerField()
    last_number = models.PositiveIntegerField(default=0)

    objects = LockingQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "document series"
        constraints = [
            models.UniqueConstraint(fields=["entity", "kind", "year"], name="one_series_a_year"),
            models.CheckConstraint(
                condition=Q(kind__in=DocumentKind.values), name="series_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.year} of {self.entity_id}"


class Document(models.Model):
    """An invoice, a credit note, or what takes a credit note back. Amounts are positive; the kind
    says whose they are. A trigger refuses changes, and numbers that do not follow the last.

    `source` names the booking of the ledger that it is for: `capture:<txn>`, `refund:<txn>`,
    `reversal:<txn>`; told twice, there is one. `content` is all that is printed, frozen.
    """

    series = models.ForeignKey(DocumentSeries, on_delete=models.PROTECT, related_name="documents")
    kind = models.CharField(max_length=22, choices=DocumentKind.choices)
    sequence = models.PositiveIntegerField()
    number = models.CharField(max_length=40, unique=True)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="documents")
    source = models.CharField(max_length=60, unique=True)
    refers_to = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="referred_by"
    )
    currency = models.CharField(max_length=3)
    net_minor = models.BigIntegerField()
    tax_minor = models.BigIntegerField()
    gross_minor = models.BigIntegerField()
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    issued_at = models.DateTimeField()
    created_at = models.DateTimeField(db_default=Now())

    objects = LockingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["series", "sequence"], name="one_document_a_number"),
            models.CheckConstraint(
                condition=Q(kind__in=DocumentKind.values), name="document_kind_known"
            ),
            models.CheckConstraint(
                condition=Q(gross_minor=F("net_minor") + F("tax_minor"))
                & Q(gross_minor__gt=0)
                & Q(sequence__gt=0),
                name="document_amounts_add_up",
            ),
            models.CheckConstraint(
                condition=~Q(kind=DocumentKind.REVERSAL) | Q(refers_to__isnull=False),
                name="reversal_says_of_what",
            ),
        ]
        indexes = [models.Index(fields=["order", "id"], name="document_of_order")]

    def __str__(self) -> str:
        return self.number
