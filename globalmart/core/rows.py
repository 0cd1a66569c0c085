"""Rows as the hot paths write them: many at once, in one statement that their app owns.

A model's unsaved instance becomes one JSON object, and `jsonb_populate_record` gives each column
its type back. So a statement has a few parameters of one type each, however many columns and rows:
PostgreSQL prepares it once, and the ORM compiles nothing.
"""

import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from django.db import connection, models
from django.db.models.expressions import DatabaseDefault

Row = dict[str, Any]


@cache
def _attributes(model: type[models.Model]) -> tuple[tuple[str, str], ...]:
    fields = model._meta.concrete_fields
    return tuple((str(f.column), f.attname) for f in fields if not isinstance(f, models.AutoField))


def as_row(instance: models.Model, *, without: str = "") -> Row:
    """Return an unsaved instance as column -> value. Left out is what the database fills by
    itself, and the column `without`, which the statement fills."""
    found = instance.__dict__
    return {
        column: found[name]
        for column, name in _attributes(type(instance))
        if column != without and not isinstance(found[name], DatabaseDefault)
    }


def columns(rows: Iterable[Row], *, of: str = "") -> str:
    """Return the names of the rows' columns for a statement, `of` an alias where one is given."""
    first: Row = next(iter(rows), {})
    return ", ".join(f"{of}.{name}" if of else name for name in first)


def as_json(rows: Row | list[Row]) -> str:
    """Return rows as the parameter of `jsonb_populate_record` or `..._recordset`."""
    return json.dumps(rows, default=str)


def fetch(statement: str, params: Any) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def insert(instance: models.Model) -> None:
    """Insert one row whose key nobody needs to know."""
    row = as_row(instance)
    table, names = instance._meta.db_table, columns([row])
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) SELECT {names}"  # noqa: S608 - names of our own
            f" FROM jsonb_populate_record(NULL::{table}, %s::jsonb)",
            [as_json(row)],
        )
