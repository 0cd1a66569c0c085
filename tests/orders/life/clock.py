"""One time for Python and for PostgreSQL, which only goes on when somebody says so."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
# A schema that is searched before PostgreSQL's own: whoever asks for the time there asks here.
SCHEMA = "life"
FUNCTION = """
CREATE OR REPLACE FUNCTION life.{name}() RETURNS timestamptz LANGUAGE sql STABLE AS
$$ SELECT pg_catalog.current_setting('life.now')::timestamptz $$
"""
# Columns whose default is the time; a default keeps the function that it was made with.
DEFAULTS = """
SELECT format('ALTER TABLE %I ALTER COLUMN %I SET DEFAULT life.now()', table_name, column_name)
  FROM information_schema.columns
 WHERE table_schema = 'public' AND column_default ~* '(now|_timestamp)\\(\\)'
"""


@dataclass
class Clock:
    """The time as the shop sees it."""

    at: datetime = START

    def now(self) -> datetime:
        """Return the time."""
        return self.at

    def move(self, pause: timedelta) -> None:
        """Let time pass, in the database as well."""
        self.at += pause
        self.tell()

    def tell(self) -> None:
        """Set the database's time; what a rollback takes back is set by the next step."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('life.now', %s, false)", [self.at.isoformat()])


def install() -> None:
    """Have PostgreSQL take the time from us, in this session, for what is written from now on."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
        for name in ("now", "statement_timestamp"):
            cursor.execute(FUNCTION.format(name=name))
        cursor.execute(DEFAULTS)
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
        cursor.execute("SELECT set_config('life.now', %s, false)", [START.isoformat()])
        cursor.execute("SET search_path TO life, public, pg_catalog; SET jit TO off")
