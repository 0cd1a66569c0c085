"""The ledger, and what Stripe's own balance says."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from payments.models.accounts import PaymentAttempt


class LedgerEntry(models.Model):
    """One side of a booking. The entries of a transaction sum to zero; rows never change."""

    txn = models.UUIDField(db_index=True)
    # Fees and payouts belong to no order.
    order = models.ForeignKey(
        "orders.Order", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    attempt = models.ForeignKey(
        PaymentAttempt, on_delete=models.PROTECT, null=True, blank=True, related_name="entries"
    )
    account = models.CharField(max_length=40)
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    # Stripe's id of what is booked, where the same may be told twice; the booking is made once.
    source = models.CharField(max_length=255, blank=True, default="")
    booked_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "ledger entries"
        constraints = [
            models.UniqueConstraint(
                fields=["source", "account"], condition=~Q(source=""), name="booked_once_per_source"
            )
        ]
        indexes = [models.Index(fields=["account", "currency"], name="ledger_account")]

    def __str__(self) -> str:
        return f"{self.account} {self.amount_minor} {self.currency}"


class BalanceTransaction(models.Model):
    """One line of Stripe's own account with us. Minor units; `net` is amount less fee."""

    stripe_id = models.CharField(max_length=255, unique=True)
    type = models.CharField(max_length=60)
    # The payment (its intent) that moved the money, by charge, refund or dispute; or the payout.
    source = models.CharField(max_length=255, blank=True, default="", db_index=True)
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    net_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    created = models.DateTimeField(db_index=True)
    payout_id = models.CharField(max_length=255, blank=True, default="")
    read_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(net_minor=models.F("amount_minor") - models.F("fee_minor")),
                name="balance_net_is_amount_less_fee",
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.stripe_id}"
