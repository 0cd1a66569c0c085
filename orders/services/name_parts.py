"""An index of parts of names, for shops whose PostgreSQL has pg_trgm: the search then finds
"ukas" in "Łukasz". Nothing needs it."""

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import connection

from orders.models import Order
from orders.models.expressions import folded_name
from orders.queries.search import TRIGRAMS, has_trigrams


class NoTrigrams(Exception):
    """This PostgreSQL does not offer the extension pg_trgm."""


def index_name_parts(*, concurrently: bool = True) -> bool:
    """Make the index, and the extension where it is missing; tell whether it was made now.

    `concurrently` lets orders come in meanwhile, and needs to be outside of a transaction. Raises
    NoTrigrams, and ProgrammingError where this role may not make extensions.
    """
    if has_trigrams():
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'")
        if cursor.fetchone() is None:
            raise NoTrigrams
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        # One that an interrupted run left half made.
        cursor.execute(f"DROP INDEX IF EXISTS {TRIGRAMS}")
    index = GinIndex(OpClass(folded_name(), name="gin_trgm_ops"), name=TRIGRAMS)
    with connection.schema_editor(atomic=False) as editor:
        editor.add_index(Order, index, concurrently=concurrently)  # type: ignore[call-arg]
    return True
