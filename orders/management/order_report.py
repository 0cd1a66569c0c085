"""An order's explanation on a terminal."""

from collections.abc import Iterable
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from globalmart.core.money import display
from orders.queries.explanation import Explanation
from payments.queries.order_money import AttemptLine, OrderMoney, WebhookLine

BALANCED = "balanced: every cent explained"


class OrderReport:
    """Prints one explanation, section by section; a section without rows says so in a word."""

    def __init__(self, console: Console, explanation: Explanation) -> None:
        self._console = console
        self._order = explanation

    def print(self) -> None:
        """Print everything; the last line says whether it adds up."""
        order = self._order
        self._console.print(
            f"[bold]{order.number}[/bold]  {order.state}, placed {_time(order.created_at)}"
        )
        self._total()
        if order.money is not None:
            self._account(order.money)
            for attempt in order.money.attempts:
                self._attempt(attempt)
            self._ledger(order.money)
            self._refunds(order.money)
            self._told(order.money)
        self._open()
        self._coming()
        self._verdict()

    def _money(self, amount_minor: int) -> str:
        return display(amount_minor, self._order.currency)

    def _section(self, title: str, *columns: str, rows: Iterable[Iterable[object]]) -> None:
        """Print a table; columns that end in `>` are numbers."""
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in columns:
            is_number = column.endswith(">")
            table.add_column(column.rstrip(">"), justify="right" if is_number else "left")
        for row in rows:
            table.add_row(*[escape(str(cell)) for cell in row])
        self._console.print(f"\n[bold]{escape(title)}[/bold]")
        self._console.print(table if table.row_count else "none")

    def _total(self) -> None:
        order = self._order
        lines = [
            (line.sku, line.quantity, self._money(line.unit_price_minor), line.shipped,
             line.cancelled, self._money(line.quantity * line.unit_price_minor))
            for line in order.lines
        ]  # fmt: skip
        parts = (
            ("shipping", order.shipping_minor),
            *((f"discount: {name}", -amount) for name, amount in order.discounts),
            *([("tax added", order.tax_added_minor)] if order.tax_added_minor else []),
            ("total", order.total_minor),
            ("of it tax", order.tax_minor),
        )
        self._section(
            "The total",
            *("", "quantity>", "each>", "shipped>", "cancelled>", "amount>"),
            rows=[*lines, *((name, "", "", "", "", self._money(part)) for name, part in parts)],
        )

    def _account(self, money: OrderMoney) -> None:
        held = money.authorized_minor - money.captured_minor
        balances = money.balances()
        self._section(
            "Where it is",
            *("", "amount>", "explained by"),
            rows=[
                (
                    "due",
                    self._money(money.due_minor),
                    f"captured {self._money(money.captured_minor)} + held {self._money(held)}"
                    f" + open {self._money(self._order.open_minor)}",
                ),
                (
                    "captured",
                    self._money(money.captured_minor),
                    f"kept {self._money(self._kept(money))}"
                    f" + given back {self._money(money.refunded_minor)}"
                    f" + on its way back {self._money(money.refund_reserved_minor)}",
                ),
                (
                    "at Stripe",
                    self._money(balances.get("stripe", 0)),
                    f"disputed {self._money(balances.get('disputes', 0))}"
                    f", lost {self._money(balances.get('losses', 0))}",
                ),
            ],
        )

    def _kept(self, money: OrderMoney) -> int:
        return money.captured_minor - money.refunded_minor - money.refund_reserved_minor

    def _attempt(self, attempt: AttemptLine) -> None:
        purpose = "" if attempt.purpose == "order" else f" for {attempt.purpose}"
        decline = f", declined {attempt.declines} times" if attempt.declines else ""
        code = f" ({attempt.decline_code})" if attempt.decline_code else ""
        intent = attempt.intent_id or "no intent"
        self._section(
            f"Attempt {attempt.number}{purpose}: {attempt.state}, {attempt.mode}, {intent}, "
            f"{self._money(attempt.amount_minor)}{decline}{code}",
            *("call", "state", "amount>", "tries>", "sent", "ended", "key", "last said"),
            rows=[
                (
                    f"{call.kind} {call.number}",
                    call.state,
                    self._money(call.amount_minor),
                    call.tries,
                    _time(call.first_sent_at),
                    _time(call.finished_at),
                    call.key,
                    call.last_error,
                )
                for call in attempt.operations
            ],
        )

    def _ledger(self, money: OrderMoney) -> None:
        self._section(
            "Ledger",
            *("booked", "account", "amount>", "balance>", "source", "booking"),
            rows=[
                (
                    _time(each.at),
                    each.account,
                    self._money(each.amount_minor),
                    self._money(each.balance_minor),
                    each.source,
                    each.txn[:8],
                )
                for each in money.bookings
            ],
        )

    def _refunds(self, money: OrderMoney) -> None:
        self._section(
            "Refunds",
            *("", "state", "amount>", "reason", "asked by", "approved by", "at Stripe"),
            rows=[
                (
                    each.id,
                    each.state,
                    self._money(each.amount_minor),
                    each.reason,
                    each.requested_by,
                    each.approved_by,
                    each.failure_code or each.stripe_refund_id,
                )
                for each in money.refunds
            ],
        )
        self._section(
            "Disputes and fraud warnings",
            *("", "state", "amount>", "reason", "evidence until"),
            rows=[
                *(
                    (each.stripe_id, each.state, display(each.amount_minor, each.currency),
                     each.reason, _time(each.evidence_due_at))
                    for each in money.disputes
                ),
                *((warning, "", "", "", "") for warning in money.fraud_warnings),
            ],
        )  # fmt: skip

    def _told(self, money: OrderMoney) -> None:
        self._section(
            "Webhooks",
            *("received", "type", "about", "outcome"),
            rows=[
                (_time(each.received_at), each.type, each.object_id, _outcome(each))
                for each in money.webhooks
            ],
        )
        self._section(
            "Cases",
            *("", "kind", "subject", "ours>", "Stripe's>", "closed", "detail"),
            rows=[
                (
                    case.id,
                    case.kind,
                    case.subject,
                    "" if case.our_minor is None else self._money(case.our_minor),
                    "" if case.their_minor is None else self._money(case.their_minor),
                    _time(case.closed_at) or "open",
                    case.resolution or case.detail,
                )
                for case in money.cases
            ],
        )

    def _open(self) -> None:
        order = self._order
        self._section(
            "Open alerts and holds",
            *("", "since", "detail"),
            rows=[
                *((each.kind, _time(each.opened_at), each.detail) for each in order.alerts),
                *(("hold", "", hold) for hold in order.holds),
            ],
        )
        self._section("At the warehouse", "", rows=[(each,) for each in order.requests])
        self._section("Waits for", "", rows=[(each,) for each in order.waits_for])

    def _coming(self) -> None:
        self._section(
            "What happens next",
            *("when", "what"),
            rows=[(_time(each.at), each.what) for each in self._order.coming],
        )

    def _verdict(self) -> None:
        self._console.print()
        for difference in self._order.differences:
            self._console.print(f"[red]{escape(difference)}[/red]")
        if self._order.differences:
            self._console.print(f"[red]does not add up: {len(self._order.differences)} found[/red]")
        else:
            self._console.print(f"[green]{BALANCED}[/green]")


def _time(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}Z" if moment else ""


def _outcome(webhook: WebhookLine) -> str:
    if webhook.done_at is not None:
        return "done"
    if webhook.due_at is None:
        return f"given up after {webhook.tries} tries: {webhook.last_error}"
    return f"due {_time(webhook.due_at)} {webhook.last_error}".rstrip()
