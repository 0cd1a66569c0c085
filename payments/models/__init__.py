"""Tables of money."""

from payments.models.accounts import OrderAccount, PaymentAttempt, PaymentOperation
from payments.models.cases import Cursor, PaymentCase
from payments.models.disputes import Dispute, FraudWarning
from payments.models.inbox import StripeEvent
from payments.models.ledger import BalanceTransaction, LedgerEntry
from payments.models.refunds import Refund, RefundItem

__all__ = [
    "BalanceTransaction",
    "Cursor",
    "Dispute",
    "FraudWarning",
    "LedgerEntry",
    "OrderAccount",
    "PaymentAttempt",
    "PaymentCase",
    "PaymentOperation",
    "Refund",
    "RefundItem",
    "StripeEvent",
]
