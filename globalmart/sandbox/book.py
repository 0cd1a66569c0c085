"""An append-only book in SQLite: what a pretended vendor knows survives kill -9.

Rows are only ever added; the state of an object is its last row. `synchronous=OFF` is safe here:
a killed process loses nothing that was committed, only a power cut would.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

STATEMENTS_KEPT = 256


class Book:
    """One SQLite file: a single writer at a time, any number of readers, safe between threads."""

    def __init__(self, path: Path | str, schema_sql: str) -> None:
        """Open the book at `path` and create what `schema_sql` declares.

        The schema must be repeatable (`CREATE ... IF NOT EXISTS`): it runs at every start.
        Raises sqlite3.Error when the file is no database.
        """
        self._path = Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._turn = threading.RLock()
        self._depth = 0
        self._readers = threading.local()
        self._inserts: dict[tuple[str, tuple[str, ...]], str] = {}
        self._writer = self._connect()
        self._writer.executescript(schema_sql)

    def append(self, table: str, **columns: Any) -> int:
        """Add one row to `table` and return its row number. Commits unless inside `writing()`."""
        shape = (table, tuple(columns))
        with self.writing() as writer:
            cursor = writer.execute(self._insert(shape), tuple(columns.values()))
            return int(cursor.lastrowid or 0)

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[sqlite3.Row]:
        """Return all rows of a SELECT. Inside `writing()` it sees what this thread has written."""
        return self._reader().execute(sql, params).fetchall()

    def one(self, sql: str, params: Sequence[Any] = ()) -> sqlite3.Row | None:
        """Return the first row of a SELECT, or None."""
        row: sqlite3.Row | None = self._reader().execute(sql, params).fetchone()
        return row

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Hold the one pen: all rows added within are committed together, or none of them.

        May be nested; the outermost one commits. An exception rolls back and goes on up.
        """
        with self._turn:
            if self._depth == 0:
                self._writer.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield self._writer
            except BaseException:
                if self._depth == 1:
                    self._writer.execute("ROLLBACK")
                raise
            else:
                if self._depth == 1:
                    self._writer.execute("COMMIT")
            finally:
                self._depth -= 1

    def close(self) -> None:
        """Close the writing connection; readers close with their threads."""
        with self._turn:
            self._writer.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path,
            timeout=10,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_KEPT,
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    def _reader(self) -> sqlite3.Connection:
        if self._is_mine():
            return self._writer
        reader: sqlite3.Connection | None = getattr(self._readers, "connection", None)
        if reader is None:
            reader = self._readers.connection = self._connect()
        return reader

    def _is_mine(self) -> bool:
        # RLock names its owner only through this attribute; asking costs no lock.
        return self._depth > 0 and self._turn._is_owned()  # type: ignore[attr-defined]

    def _insert(self, shape: tuple[str, tuple[str, ...]]) -> str:
        statement = self._inserts.get(shape)
        if statement is None:
            table, names = shape
            marks = ", ".join("?" for _ in names)
            statement = f'INSERT INTO "{table}" ({", ".join(names)}) VALUES ({marks})'  # noqa: S608  our names
            self._inserts[shape] = statement
        return statement
