"""The audit: clean books give nothing, and each invariant is broken once and seen."""

import json
import re
import sqlite3
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from fulfillment.states import FULFILLMENT, FULFILLMENT_AGE, RESERVATION_AGE
from globalmart.core import audit
from globalmart.core.audit import Finding, list_invariants, read_invariant, run_audit
from globalmart.sandbox.messages import store as messages_store
from globalmart.sandbox.stripe import store as stripe_store
from globalmart.sandbox.warehouse import schema as warehouse_schema
from notifications.states import MESSAGE_AGE
from orders.services.lifecycle import confirm_order
from orders.states import CANCELLATION_AGE, ORDER, ORDER_AGE, RETURN, RETURN_AGE, SHORTAGE_AGE
from payments.gateways.intents import Outcome
from payments.models import PaymentAttempt
from payments.services.outcomes import apply_outcome
from payments.states import (
    ATTEMPT,
    ATTEMPT_AGE,
    DISPUTE,
    DISPUTE_AGE,
    LIVE,
    OPERATION_AGE,
    REFUND,
    REFUND_AGE,
)
from tests.builders import add_product, answer, intent, open_shop, place
from tests.core.breakages import BOOK_BREAKAGES, BREAKAGES, CARDS_BESIDE, NO_CARDS


def path_key(path: Path) -> str:
    """Name a file by app and name, as `orders/i15_no_card_numbers.sql`."""
    parts = path.parts
    return f"{parts[parts.index('invariants') - 1]}/{path.name}"


INVARIANTS = {path_key(invariant.path): invariant for invariant in list_invariants()}


@pytest.fixture
def books(tmp_path) -> Path:
    """The sandbox's books, by the sandbox's own schemas, empty."""
    for name, schema in (
        ("stripe", stripe_store.SCHEMA),
        ("warehouse", warehouse_schema.SCHEMA),
        ("messages", messages_store.SCHEMA),
    ):
        book = sqlite3.connect(tmp_path / f"{name}.sqlite")
        book.executescript(schema)
        book.close()
    return tmp_path


@pytest.fixture
def world(db) -> None:
    """Ada's order of two mugs, its payment authorized, its request to the warehouse open."""
    open_shop()
    add_product("MUG")
    order = place({"MUG": 2})
    attempt = PaymentAttempt.objects.get()
    PaymentAttempt.objects.update(stripe_intent_id="pi_ada")
    now = timezone.now()
    held = intent("requires_capture", amount_minor=attempt.amount_minor)
    apply_outcome(
        attempt_id=attempt.pk,
        answer=answer(Outcome.AUTHORIZED, held),
        actor="stripe",
        now=now,
    )
    confirm_order(order_id=order.pk, actor="system", now=now)


def run_sql(statements: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statements)


def outcome_of(key: str, *, books: str = "") -> Finding:
    findings = run_audit(books=books).findings
    return next(each for each in findings if path_key(each.invariant.path) == key)


class TestInvariants:
    def test_each_has_a_breakage(self):
        assert set(INVARIANTS) == set(BREAKAGES) | set(BOOK_BREAKAGES)

    def test_clean_books_give_nothing(self, world, books):
        found = run_audit().findings
        assert [
            (f.invariant.path.name, f.count, f.error) for f in found if f.count or f.error
        ] == []

    @pytest.mark.parametrize("key", sorted(BREAKAGES))
    def test_sees_what_is_broken(self, world, key):
        run_sql(BREAKAGES[key])
        finding = outcome_of(key)
        assert finding.error == ""
        assert finding.count >= 1
        assert len(finding.rows) == finding.count

    @pytest.mark.parametrize(
        "key",
        [
            "fulfillment/i05_no_overdue_requests.sql",
            "fulfillment/i07_backorders_within_age.sql",
            "fulfillment/i07_fulfillments_within_age.sql",
            "notifications/i05_no_overdue_messages.sql",
            "notifications/i07_messages_within_age.sql",
            "orders/i07_orders_within_age.sql",
            "orders/i07_cancellations_within_age.sql",
            "orders/i07_shortages_within_age.sql",
            "orders/i07_returns_within_age.sql",
        ],
    )
    def test_is_content_only_while_staff_are_told_about_the_order(self, world, key):
        run_sql(BREAKAGES[key])
        run_sql(
            "INSERT INTO core_alert (kind, subject_type, subject_id, detail)"
            " SELECT 'stuck', 'order', id, '' FROM orders_order"
        )
        assert outcome_of(key).count == 0
        run_sql("UPDATE core_alert SET closed_at = now()")
        assert outcome_of(key).count >= 1

    @pytest.mark.parametrize("where", sorted(NO_CARDS))
    def test_takes_no_phone_number_reference_or_key_for_a_card(self, world, where):
        run_sql(NO_CARDS[where])
        found = [f for f in run_audit().findings if f.invariant.path.name.startswith("i15_")]
        assert [(path_key(f.invariant.path), f.rows, f.error) for f in found if f.rows] == []

    def test_sees_a_card_beside_what_is_none(self, world):
        run_sql(CARDS_BESIDE)
        found = {
            path_key(f.invariant.path): {str(row[0]) for row in f.rows}
            for f in run_audit().findings
            if f.invariant.path.name.startswith("i15_")
        }
        assert found["orders/i15_no_card_numbers.sql"] == {"orders_order", "orders_basket"}
        assert found["core/i15_no_card_numbers.sql"] == {"core_idempotencykey"}
        assert found["notifications/i15_no_card_numbers.sql"] == {"notifications_message"}

    @pytest.mark.parametrize("key", sorted(BOOK_BREAKAGES))
    def test_sees_what_differs_from_the_books(self, world, books, key):
        breakage = BOOK_BREAKAGES[key]
        run_sql(breakage.ours or "SELECT 1")
        if breakage.theirs:
            book = sqlite3.connect(books / f"{breakage.book}.sqlite")
            book.executescript(breakage.theirs)
            book.close()
        finding = outcome_of(key, books=str(books))
        assert finding.error == ""
        assert finding.count >= 1


class TestBooks:
    def test_are_skipped_where_there_are_none(self, world, tmp_path):
        for folder in ("", str(tmp_path)):
            found = [f for f in run_audit(books=folder).findings if f.invariant.needs_books]
            assert found
            assert all(f.skipped == "no books" for f in found)

    def test_that_agree_give_nothing(self, world, books):
        book = sqlite3.connect(books / "stripe.sqlite")
        amount = PaymentAttempt.objects.get().amount_minor
        book.execute(
            "INSERT INTO figure (intent_id, order_id, attempt_id, status, amount_minor,"
            " captured_minor, refunded_minor, currency, created_at)"
            " VALUES ('pi_ada', 'o', 'a', 'requires_capture', ?, 0, 0, 'gbp', '2026-01-01T00:00Z')",
            [amount],
        )
        book.commit()
        book.close()
        run_sql("UPDATE payments_paymentattempt SET state_changed_at = now() - interval '1 day'")
        finding = outcome_of("payments/i09_stripe_agrees.sql", books=str(books))
        assert (finding.count, finding.error, finding.skipped) == (0, "", "")


class TestTables:
    """Numbers and edges in SQL are those of the state tables in Python."""

    @pytest.mark.parametrize(
        ("key", "ages"),
        [
            ("orders/i07_orders_within_age.sql", ORDER_AGE),
            ("orders/i07_cancellations_within_age.sql", CANCELLATION_AGE),
            ("orders/i07_shortages_within_age.sql", SHORTAGE_AGE),
            ("orders/i07_returns_within_age.sql", RETURN_AGE),
            ("payments/i07_attempts_within_age.sql", ATTEMPT_AGE),
            ("payments/i07_operations_within_age.sql", OPERATION_AGE),
            ("payments/i07_refunds_within_age.sql", REFUND_AGE),
            ("payments/i07_disputes_within_age.sql", DISPUTE_AGE),
            ("fulfillment/i07_fulfillments_within_age.sql", FULFILLMENT_AGE),
            ("fulfillment/i07_backorders_within_age.sql", RESERVATION_AGE),
            ("notifications/i07_messages_within_age.sql", MESSAGE_AGE),
        ],
    )
    def test_ages(self, key, ages):
        pairs = re.findall(r"\('(\w+)', interval '(\d+) seconds'\)", INVARIANTS[key].query)
        assert {state: int(seconds) for state, seconds in pairs} == {
            str(state): age.total_seconds() for state, age in ages.items()
        }

    @pytest.mark.parametrize(
        ("key", "table"),
        [
            ("orders/i12_order_steps_allowed.sql", ORDER),
            ("orders/i12_return_steps_allowed.sql", RETURN),
            ("payments/i12_payment_steps_allowed.sql", ATTEMPT),
            ("payments/i12_refund_steps_allowed.sql", REFUND),
            ("payments/i12_dispute_steps_allowed.sql", DISPUTE),
            ("fulfillment/i12_fulfillment_steps_allowed.sql", FULFILLMENT),
        ],
    )
    def test_edges(self, key, table):
        pairs = set(re.findall(r"\('(\w+)', '(\w+)'\)", INVARIANTS[key].query))
        assert pairs == {(str(a), str(b)) for a, following in table.items() for b in following}

    def test_live_states(self):
        query = INVARIANTS["payments/i02_one_live_attempt.sql"].query
        named = re.search(r"state IN \(([^)]*)\)", query)
        assert named is not None
        assert set(re.findall(r"'(\w+)'", named.group(1))) == {str(state) for state in LIVE}


class TestRunner:
    def test_refuses_a_file_without_name_or_meaning(self, tmp_path):
        path = tmp_path / "i99.sql"
        for text in ("SELECT 1", "-- I99 Name\nSELECT 1", "-- Name\n-- Meaning\nSELECT 1", ""):
            path.write_text(text)
            with pytest.raises(audit.MalformedInvariant):
                read_invariant(path=path, needs_books=False)

    def test_keeps_twenty_rows_and_counts_all(self, db, monkeypatch, tmp_path):
        path = tmp_path / "i99.sql"
        path.write_text("-- I99 Many\n-- Meaning.\nSELECT * FROM generate_series(1, 35) AS n;\n")
        many = read_invariant(path=path, needs_books=False)
        monkeypatch.setattr(audit, "list_invariants", lambda: [many])
        finding = run_audit().findings[0]
        assert (finding.count, len(finding.rows), list(finding.columns)) == (35, 20, ["n"])

    def test_tells_a_broken_query_from_a_finding_and_runs_the_rest(self, db, monkeypatch, tmp_path):
        made = []
        for name, query in (
            ("broken", "SELECT nothing FROM nowhere"),
            ("fine", "SELECT 1 LIMIT 0"),
        ):
            path = tmp_path / f"{name}.sql"
            path.write_text(f"-- I99 {name}\n-- Meaning.\n{query}\n")
            made.append(read_invariant(path=path, needs_books=False))
        monkeypatch.setattr(audit, "list_invariants", lambda: made)
        result = run_audit()
        assert "nowhere" in result.findings[0].error
        assert (result.findings[1].count, result.findings[1].error) == (0, "")
        with pytest.raises(SystemExit) as ended:
            call_command("audit", stdout=StringIO())
        assert ended.value.code == 2

    def test_cannot_write(self, db, monkeypatch, tmp_path):
        path = tmp_path / "i99.sql"
        path.write_text(
            "-- I99 Writer\n-- Meaning.\nSELECT * FROM nextval('orders_order_id_seq') AS n\n"
        )
        writer = read_invariant(path=path, needs_books=False)
        monkeypatch.setattr(audit, "list_invariants", lambda: [writer])
        assert "read-only" in run_audit().findings[0].error

    def test_exits_0_when_clean_and_1_when_not(self, world):
        out = StringIO()
        call_command("audit", stdout=out)
        assert "0 findings" in out.getvalue()
        run_sql("UPDATE fulfillment_stock SET reserved = reserved + 1")
        with pytest.raises(SystemExit) as ended:
            call_command("audit", stdout=StringIO())
        assert ended.value.code == 1

    def test_prints_json(self, world):
        run_sql("UPDATE fulfillment_stock SET reserved = reserved + 1")
        out = StringIO()
        with pytest.raises(SystemExit):
            call_command("audit", "--json", stdout=out)
        document = json.loads(out.getvalue())
        assert document["findings"] >= 1
        broken = [each["file"] for each in document["invariants"] if each["count"]]
        assert "fulfillment/invariants/i03_stock_matches_reservations.sql" in broken

    def test_says_so_when_it_cannot_start(self, db, settings, tmp_path):
        (tmp_path / "stripe.sqlite").write_text("this is no database, " * 100)
        settings.AUDIT_BOOKS = str(tmp_path)
        with pytest.raises(CommandError) as ended:
            call_command("audit", stdout=StringIO())
        assert ended.value.returncode == 2
