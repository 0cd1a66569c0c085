"""Open an order's money: its account, its first attempt, the operations planned for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from django.db import connection

from globalmart.core import rows
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from payments.states import OperationKind

# The page that placed the order sends the first call itself; a worker takes over after this.
BROWSER_HEAD_START = timedelta(seconds=30)

# Account, attempt and what is to be asked of Stripe, in one statement.
INSERT = """
WITH account AS (
    INSERT INTO payments_orderaccount ({account})
    SELECT {account} FROM jsonb_populate_record(NULL::payments_orderaccount, %(account)s::jsonb)
), attempt AS (
    INSERT INTO payments_paymentattempt ({attempt})
    SELECT {attempt} FROM jsonb_populate_record(NULL::payments_paymentattempt, %(attempt)s::jsonb)
 RETURNING id
)
INSERT INTO payments_paymentoperation (attempt_id, {operation})
SELECT attempt.id, {each_operation}
  FROM attempt,
       jsonb_populate_recordset(NULL::payments_paymentoperation, %(operations)s::jsonb) AS o
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentPlan:
    """What is to be paid, and how. Minor units. Without `payment_method` (a Stripe id) the
    customer's browser confirms."""

    order_id: int
    order_public_id: str
    order_number: str
    currency: str
    amount_minor: int
    return_url: str
    payment_method: str = ""


def open_payment(*, plan: PaymentPlan, now: datetime) -> None:
    """Insert account, attempt and planned operations, in the transaction that places the order."""
    attempt, operations = make_attempt(plan=plan, number=1, now=now)
    account_row, attempt_row = rows.as_row(_account(plan)), rows.as_row(attempt)
    operation_rows = [rows.as_row(each, without="attempt_id") for each in operations]
    statement = INSERT.format(
        account=rows.columns([account_row]),
        attempt=rows.columns([attempt_row]),
        operation=rows.columns(operation_rows),
        each_operation=rows.columns(operation_rows, of="o"),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            {
                "account": rows.as_json(account_row),
                "attempt": rows.as_json(attempt_row),
                "operations": rows.as_json(operation_rows),
            },
        )


def open_account(*, plan: PaymentPlan) -> None:
    """Insert the account alone: the order is to be paid later, and nothing is asked of Stripe."""
    _account(plan).save()


def _account(plan: PaymentPlan) -> OrderAccount:
    return OrderAccount(order_id=plan.order_id, currency=plan.currency, due_minor=plan.amount_minor)


def plan_attempt(*, plan: PaymentPlan, number: int, now: datetime) -> PaymentAttempt:
    """Insert an attempt with its operations. Raises IntegrityError beside a live attempt."""
    attempt, operations = make_attempt(plan=plan, number=number, now=now)
    attempt.save()
    PaymentOperation.objects.bulk_create(operations)
    return attempt


def make_attempt(
    *, plan: PaymentPlan, number: int, now: datetime
) -> tuple[PaymentAttempt, list[PaymentOperation]]:
    """Return an unsaved attempt with its operations."""
    is_server = bool(plan.payment_method)
    modes = PaymentAttempt.Mode
    attempt = PaymentAttempt(
        uuid=uuid4(),
        order_id=plan.order_id,
        number=number,
        mode=modes.SERVER if is_server else modes.BROWSER,
        currency=plan.currency,
        amount_minor=plan.amount_minor,
        payment_method=plan.payment_method,
    )
    create_due = now if is_server else now + BROWSER_HEAD_START
    operations = [_operation(attempt, OperationKind.CREATE, _create_request(plan, attempt))]
    operations[0].due_at = create_due
    if is_server:
        request = {"payment_method": plan.payment_method, "return_url": plan.return_url}
        # Becomes due when the intent exists.
        operations.append(_operation(attempt, OperationKind.CONFIRM, request))
    return attempt, operations


def _create_request(plan: PaymentPlan, attempt: PaymentAttempt) -> dict[str, Any]:
    request: dict[str, Any] = {
        "amount": plan.amount_minor,
        "currency": plan.currency.lower(),
        "capture_method": "manual",
        # Parcels that leave one by one are captured one by one, where the card allows it.
        "payment_method_options": {"card": {"request_multicapture": "if_available"}},
        "description": f"Order {plan.order_number}",
        "metadata": {
            "order_id": plan.order_public_id,
            "order_number": plan.order_number,
            "attempt_id": str(attempt.uuid),
        },
    }
    if plan.payment_method:
        request["payment_method_types"] = ["card"]
    else:
        request["automatic_payment_methods"] = {"enabled": True}
    return request


def _operation(
    attempt: PaymentAttempt, kind: OperationKind, request: Mapping[str, Any]
) -> PaymentOperation:
    uuid = uuid4()
    return PaymentOperation(
        uuid=uuid,
        attempt=attempt,
        kind=kind,
        amount_minor=attempt.amount_minor,
        idempotency_key=f"{kind}-{uuid}",
        request=dict(request),
    )
