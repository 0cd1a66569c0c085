"""Filling tables by COPY, a million rows and more: indexes and keys are built once, at the end."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection
from psycopg import sql

Row = tuple[Any, ...]
Columns = Mapping[str, Sequence[str]]

# What is dropped, and how it is made again. Keys that others refer to stay.
_INDEXES = """
SELECT index.indexrelid::regclass::text, pg_get_indexdef(index.indexrelid)
  FROM pg_index index
 WHERE index.indrelid = ANY(%s::regclass[]) AND NOT index.indisprimary
   AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conindid = index.indexrelid)
"""
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
  FROM pg_constraint
 WHERE conrelid = ANY(%s::regclass[]) AND contype IN ('u', 'f')
 ORDER BY contype DESC, conname
"""


def copy_rows(*, table: str, columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Append rows to a table, in the caller's transaction. Values are as COPY takes them: text,
    whole numbers, booleans, None; JSON and times (ISO 8601) are text."""
    query = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.cursor.copy(query) as copy:
        for row in rows:
            copy.write_row(row)


def last_ids(tables: Iterable[str]) -> dict[str, int]:
    """Return the highest id of each table, 0 of an empty one."""
    found = {}
    with connection.cursor() as cursor:
        for table in tables:
            query = sql.SQL("SELECT coalesce(max(id), 0) FROM {}").format(sql.Identifier(table))
            cursor.execute(query)
            found[table] = int(cursor.fetchone()[0])
    return found


def set_sequences(tables: Iterable[str]) -> None:
    """Let the tables' own ids go on after the highest that was copied in."""
    for table, last in last_ids(tables).items():
        if last:
            with connection.cursor() as cursor:
                cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, last])


@contextmanager
def rebuilding(tables: Iterable[str]) -> Iterator[None]:
    """Drop the tables' indexes, foreign keys and triggers while the block fills them, and make
    them again, which checks every row. In one transaction: whatever fails, all is as it was.

    Triggers of single rows (a booking balances) do not fire: who fills the tables answers for that.
    """
    names = list(tables)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        # A table whose rows are still to be checked cannot be altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute("SET LOCAL maintenance_work_mem = '256MB'")
        cursor.execute(_CONSTRAINTS, [names])
        constraints = cursor.fetchall()
        cursor.execute(_INDEXES, [names])
        indexes = cursor.fetchall()
        for table, name, _ in constraints:
            _alter(table, "DROP CONSTRAINT {}", name)
        for name, _ in indexes:
            cursor.execute(f"DROP INDEX {name}")
        for table in names:
            _alter(table, "DISABLE TRIGGER USER")
    yield
    with connection.cursor() as cursor:
        for _, definition in indexes:
            cursor.execute(definition.replace("%", "%%") if "%" in definition else definition)
        for table, name, definition in constraints:
            _alter(
                table, "ADD CONSTRAINT {} " + definition.replace("{", "{{").replace("}", "}}"), name
            )
        for table in names:
            _alter(table, "ENABLE TRIGGER USER")


def _alter(table: str, action: str, *names: str) -> None:
    query = sql.SQL("ALTER TABLE {} ").format(sql.Identifier(table))
    with connection.cursor() as cursor:
        cursor.execute(query + sql.SQL(action).format(*map(sql.Identifier, names)))
