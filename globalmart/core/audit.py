"""The audit: invariants as SQL, one query per file, whose rows are what is wrong.

Every app keeps its queries in `<app>/invariants/*.sql`. The comment at the head of a file gives
id and name on its first line and the meaning below. Files in `invariants/books/` compare with the
books of the vendors' sandbox and run where settings.AUDIT_BOOKS names their folder.
"""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import DatabaseError, connection, transaction
from psycopg import sql

HEAD = re.compile(r"-- (I\d+) (.+)")
SHOWN = 20
# Longer than a worker's statements may take: it reads everything, and nobody waits for its locks.
TIME_LIMIT = "10min"


class MalformedInvariant(Exception):
    """A file without `-- I<number> <name>` on its first line, or without a meaning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invariant:
    """One query: its id (`I3`), name, meaning, and where it stands."""

    id: str
    name: str
    meaning: str
    path: Path
    query: str
    needs_books: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The outcome of one invariant: rows found (at most SHOWN kept), an error, or skipped."""

    invariant: Invariant
    count: int = 0
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    error: str = ""
    skipped: str = ""


@dataclass(slots=True)
class Audit:
    """All outcomes, in the order of the ids."""

    findings: list[Finding] = field(default_factory=list)

    @property
    def has_errors(self) -> bool:
        return any(finding.error for finding in self.findings)

    @property
    def has_findings(self) -> bool:
        return any(finding.count for finding in self.findings)


def list_invariants() -> list[Invariant]:
    """Return the invariants of all installed apps by id. Raises MalformedInvariant."""
    found = []
    for app in apps.get_app_configs():
        folder = Path(app.path) / "invariants"
        found += [read_invariant(path=path, needs_books=False) for path in folder.glob("*.sql")]
        books = folder / "books"
        found += [read_invariant(path=path, needs_books=True) for path in books.glob("*.sql")]
    return sorted(found, key=lambda each: (int(each.id[1:]), each.path.name, str(each.path)))


def read_invariant(*, path: Path, needs_books: bool) -> Invariant:
    """Return one invariant from its file. Raises MalformedInvariant."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    comments = []
    for line in lines:
        if not line.startswith("--"):
            break
        comments.append(line.removeprefix("--").strip())
    head = HEAD.fullmatch(lines[0]) if lines else None
    meaning = " ".join(comments[1:])
    if head is None or not meaning:
        raise MalformedInvariant(f"{path}: begin with `-- I<number> <name>` and the meaning")
    return Invariant(
        id=head.group(1),
        name=head.group(2),
        meaning=meaning,
        path=path,
        query=text.strip().removesuffix(";"),
        needs_books=needs_books,
    )


def run_audit(*, books: str = "") -> Audit:
    """Run every invariant on one snapshot and change nothing.

    `books` is the folder of the sandbox's books; empty, or without books, what needs them is
    skipped and says so. Raises MalformedInvariant.
    """
    audit = Audit()
    invariants = list_invariants()
    with transaction.atomic():
        with connection.cursor() as cursor:
            if not connection.needs_rollback and len(connection.savepoint_ids) == 0:
                # One snapshot, so that queries agree with each other while orders come in.
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [TIME_LIMIT])
        has_books = bool(books) and _copy_books(Path(books))
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        for invariant in invariants:
            if invariant.needs_books and not has_books:
                audit.findings.append(Finding(invariant=invariant, skipped="no books"))
            else:
                audit.findings.append(_check(invariant))
        transaction.set_rollback(True)
    return audit


def _check(invariant: Invariant) -> Finding:
    """Run one query in a savepoint, so that a broken one does not end the others."""
    # The text is a file of this repository; wrapping it also makes sure that it is one SELECT.
    wrapped = (
        "SELECT count(*) OVER () AS findings_in_all, finding.* FROM (\n"  # noqa: S608
        f"{invariant.query}\n) AS finding LIMIT {SHOWN}"
    )
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(wrapped)
            columns = [column.name for column in cursor.description or ()][1:]
            rows = cursor.fetchall()
    except DatabaseError as error:
        return Finding(invariant=invariant, error=str(error).strip().splitlines()[0])
    return Finding(
        invariant=invariant,
        count=rows[0][0] if rows else 0,
        columns=columns,
        rows=[row[1:] for row in rows],
    )


def _copy_books(folder: Path) -> bool:
    """Copy each VIEW book_* of the SQLite books into a temporary table; tell whether one was."""
    copied = False
    for path in sorted(folder.glob("*.sqlite")):
        book = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
        try:
            for view in _list_views(book):
                _copy_view(book, view)
                copied = True
        finally:
            book.close()
    return copied


def _list_views(book: sqlite3.Connection) -> list[str]:
    rows = book.execute(
        "SELECT name FROM sqlite_master WHERE type = 'view' AND name GLOB 'book_*' ORDER BY name"
    )
    return [name for (name,) in rows]


def _copy_view(book: sqlite3.Connection, view: str) -> None:
    """Make a temporary table of the view's name and copy its rows (COPY: books are large)."""
    rows = book.execute(f'SELECT * FROM "{view}"')  # noqa: S608 - a name out of the book's own schema
    columns = [column[0] for column in rows.description]
    typed = [
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(_column_type(name)))
        for name in columns
    ]
    create = sql.SQL("CREATE TEMP TABLE {} ({}) ON COMMIT DROP").format(
        sql.Identifier(view), sql.SQL(", ").join(typed)
    )
    with connection.cursor() as cursor:
        cursor.execute(create)
        copy = sql.SQL("COPY pg_temp.{} FROM STDIN").format(sql.Identifier(view))
        with cursor.copy(copy) as target:
            for row in _typed_rows(rows, columns):
                target.write_row(row)
        cursor.execute(sql.SQL("ANALYZE pg_temp.{}").format(sql.Identifier(view)))


def _column_type(name: str) -> str:
    is_number = name.endswith("_minor") or name in {"quantity", "submissions"}
    return "bigint" if is_number else "text"


def _typed_rows(rows: sqlite3.Cursor, columns: list[str]) -> Iterator[list[Any]]:
    is_text = [_column_type(name) == "text" for name in columns]
    for row in rows:
        yield [
            str(value) if text and value is not None else value
            for value, text in zip(row, is_text, strict=True)
        ]
