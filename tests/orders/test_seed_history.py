"""Seeded orders: as the shop itself would have left them, the same every time, all or none."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from fulfillment.models import Fulfillment, Reservation, Shipment
from globalmart.core import bulk
from globalmart.core.audit import run_audit
from orders.models import Document, Order
from orders.papers.sheet import render
from orders.queries.search import find_orders
from orders.seeds import history
from orders.seeds.people import person
from orders.seeds.plans import ENDED, OPEN
from orders.seeds.stories import order_number
from orders.services import documents
from orders.states import OrderState
from payments import queries as payments
from payments.models import Dispute, PaymentAttempt, Refund

ORDERS = 300
SUMMER = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
SCHEMA = """
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
UNION ALL
SELECT tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text
  FROM pg_trigger WHERE NOT tgisinternal
 ORDER BY 1
"""


def seed(*, orders: int = ORDERS, number: int = 1, at: datetime | None = None) -> None:
    history.seed_history(
        orders=orders,
        seed=number,
        at=at or timezone.now().replace(microsecond=0),
        progress=lambda what, done: None,
    )


def dump() -> Mapping[str, str]:
    """Return a digest of each seeded table; the numbers of counters' rows may differ."""
    found = {}
    with connection.cursor() as cursor:
        for table in history.COLUMNS:
            cursor.execute(
                "SELECT md5(coalesce(string_agg((to_jsonb(row) - 'series_id')::text, '|' "  # noqa: S608
                f"ORDER BY id), '')) FROM {table} AS row"
            )
            found[table] = cursor.fetchone()[0]
    return found


def schema() -> list[str]:
    """Return all indexes, constraints and triggers; a list of texts is written in two ways."""
    with connection.cursor() as cursor:
        cursor.execute(SCHEMA)
        plain = (re.sub(r"::(character varying|text)(\[\])?|[()]", "", row[0]) for row in cursor)
        return sorted(plain)


@pytest.mark.django_db
class TestSeed:
    def test_leaves_every_state_and_nothing_for_the_audit(self) -> None:
        seed()
        assert Order.objects.count() == ORDERS
        assert {row.state for row in Order.objects.all()} == set(OrderState)
        plans = {**ENDED, **OPEN}.values()
        for model, wanted in (
            (PaymentAttempt, {plan.payment for plan in plans} - {None}),
            (Fulfillment, {plan.request for plan in plans} - {None}),
            (Reservation, {plan.rest for plan in plans}),
            (Shipment, {plan.parcel for plan in plans}),
            (Refund, {plan.refund for plan in plans} - {None}),
        ):
            found = set(model._default_manager.values_list("state", flat=True))
            assert wanted <= found, model
        assert Dispute.objects.filter(state="needs_response").exists()
        findings = [each for each in run_audit().findings if each.count or each.error]
        assert findings == []
        self.see_that_documents_are_what_the_shop_writes()
        order = Order.objects.exclude(external_ref=None).latest("pk")
        for text in (order.number, order.email, order.phone, order.name, order.external_ref):
            assert order.pk in find_orders(text=text).matches
        self.see_that_ids_go_on()

    def see_that_documents_are_what_the_shop_writes(self) -> None:
        for order in Order.objects.filter(state=OrderState.COMPLETED).order_by("pk")[:8]:
            made: dict[str, Document] = {}
            for move in payments.list_moves(order_id=order.pk):
                document = Document.objects.get(source=move.key)
                refers_to = documents._refers_to(move, made)
                listed = documents._positions(order, move, made, refers_to)
                content = documents._content(order, move, document.series.entity, listed)
                assert document.content == document.content | content
                assert document.refers_to == refers_to
                assert document.sha256 == documents.digest(document.content)
                assert render(document.content)[:4] == b"%PDF"
                made[move.key] = document

    def see_that_ids_go_on(self) -> None:
        last = Order.objects.latest("pk").pk
        with connection.cursor() as cursor:
            cursor.execute("SELECT nextval(pg_get_serial_sequence('orders_order', 'id'))")
            assert cursor.fetchone() == (last + 1,)

    def test_the_same_seed_gives_the_same_rows_with_and_without_rebuilding(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seed(orders=40, at=SUMMER)
        before, dumps = schema(), []
        for number, rebuild_from in ((7, 10**9), (7, 1), (8, 10**9)):
            monkeypatch.setattr(history, "REBUILD_FROM", rebuild_from)
            with transaction.atomic():
                seed(orders=60, number=number, at=SUMMER)
                dumps.append(dump())
                assert schema() == before
                transaction.set_rollback(True)
        assert dumps[0] == dumps[1]
        assert dumps[0] != dumps[2]
        # Another run stands beside the first, though its random numbers begin alike.
        seed(orders=40, at=SUMMER)
        assert Order.objects.count() == 80

    def test_a_failure_leaves_nothing_but_the_demo_shop(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history, "REBUILD_FROM", 1)
        monkeypatch.setattr(bulk, "set_sequences", lambda tables: 1 / 0)
        before = schema()
        with pytest.raises(ZeroDivisionError):
            seed(orders=30)
        assert not Order.objects.exists()
        assert schema() == before

    def test_refuses_beside_live_keys(self, settings: Any) -> None:
        settings.IS_LIVE = True
        with pytest.raises(CommandError, match="refuse to exist beside live keys"):
            call_command("seed", orders=10, stdout=StringIO())
        assert not Order.objects.exists()

    def test_refuses_nonsense(self) -> None:
        with pytest.raises(CommandError, match="one at least"):
            call_command("seed", orders=0)
        with pytest.raises(CommandError, match="argument --at"):
            call_command("seed", "--orders=1", "--at=yesterday")


def test_numbers_and_people_are_many() -> None:
    assert len({order_number(place) for place in range(20_000)}) == 20_000
    people = [person(place) for place in range(5_000)]
    assert len({each.email for each in people}) == 5_000
    assert all(each.email.isascii() for each in people)
    assert len({each.name for each in people}) > 1_000
