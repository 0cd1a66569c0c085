"""Rows written by one statement are what the ORM would have written."""

import json
from uuid import uuid4

import pytest
from django.utils import timezone

from globalmart.core import rows
from globalmart.core.models import IdempotencyKey, OutboxEvent, TimelineEntry

pytestmark = pytest.mark.django_db
ODD = 'O\'Neil "quoted" \\ naïve \u2028 %s {brace}'


def test_a_row_has_every_column_but_those_that_the_database_fills() -> None:
    row = rows.as_row(TimelineEntry(subject_type="order", subject_id=7, kind="x", actor="system"))

    assert "id" not in row
    assert "created_at" not in row
    assert row["before"] == ""


def test_a_column_is_left_out_for_the_statement_to_fill() -> None:
    assert "subject_id" not in rows.as_row(TimelineEntry(subject_id=7), without="subject_id")


def test_insert_writes_what_the_orm_would() -> None:
    told = {"subject_type": "order", "subject_id": 7, "kind": "order.placed", "actor": "customer"}
    data = {"text": ODD, "none": None, "many": [1, 2**40], "yes": True}
    rows.insert(TimelineEntry(**told, reason=ODD, data=data))
    TimelineEntry.objects.create(**told, reason=ODD, data=data)

    mine, theirs = TimelineEntry.objects.order_by("id").values(
        *told, "before", "after", "reason", "data", "correlation_id"
    )
    assert mine == theirs
    assert TimelineEntry.objects.filter(created_at__lte=timezone.now()).count() == 2


def test_insert_keeps_keys_times_and_missing_values() -> None:
    event = OutboxEvent(id=uuid4(), name="x", subject_type="order", subject_id=1, payload={})
    rows.insert(event)

    found = OutboxEvent.objects.get()
    assert (found.id, found.published_at, found.payload) == (event.id, None, {})


def test_many_rows_are_one_parameter() -> None:
    keys = [IdempotencyKey(scope="a", key=str(number), request_hash="h") for number in range(3)]
    as_text = rows.as_json([rows.as_row(each) for each in keys])

    assert [each["key"] for each in json.loads(as_text)] == ["0", "1", "2"]
    found = rows.fetch(
        "SELECT key FROM jsonb_populate_recordset(NULL::core_idempotencykey, %s::jsonb)", [as_text]
    )
    assert found == [("0",), ("1",), ("2",)]
