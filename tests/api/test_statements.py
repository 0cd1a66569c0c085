"""What an order asks of PostgreSQL, by PostgreSQL's own count: Django's does not see BEGIN, COMMIT
and what libpq sends by itself."""

from collections import Counter

import pytest
from django.db import ProgrammingError, connection

from fulfillment.models import Stock
from tests.api.conftest import Caller, order_of

pytestmark = pytest.mark.django_db(transaction=True)
MOST = 12
ORDERS = 10
ASKED = """
SELECT s.query, s.calls FROM pg_stat_statements s
  JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()
"""


@pytest.fixture
def counted(shop: None) -> None:
    """Count statements, where the server was started to."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW shared_preload_libraries")
        if "pg_stat_statements" not in cursor.fetchone()[0]:
            pytest.skip("the server at DATABASE_URL does not preload pg_stat_statements")
        try:
            cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        except ProgrammingError:
            pytest.skip("the role in DATABASE_URL may not create the extension pg_stat_statements")


def ask() -> Counter[str]:
    with connection.cursor() as cursor:
        cursor.execute(ASKED)
        found: Counter[str] = Counter()
        for query, calls in cursor.fetchall():
            # Checks of foreign keys are PostgreSQL's own; it counts those at COMMIT.
            if "pg_stat_statements" not in query and "FOR KEY SHARE OF x" not in query:
                found[" ".join(query.split())] += calls
    return found


class TestOrder:
    def test_asks_few_statements(self, ada: Caller, counted: None) -> None:
        Stock.objects.update(on_hand=1_000)
        ada.place(order_of(), key="first")  # notes that the key was used, once a minute
        before = ask()
        for number in range(ORDERS):
            answer = ada.place(order_of(("MUG", 1), ("CUP", 2)), key=f"key-{number}")
            assert answer.status_code == 201, answer.content

        asked = ask() - before
        # In production each request asks one more: is the connection still there?
        assert sum(asked.values()) / ORDERS + 1 <= MOST, asked
        assert asked["COMMIT"] == ORDERS
