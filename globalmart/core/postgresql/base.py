"""Django's PostgreSQL backend, made so that what is asked often is planned once a connection.

psycopg prepares what it has seen a few times among the last texts that it knows. A hundred of them
are too few for a worker, and Django names each savepoint anew, which fills them with texts that
never come again.
"""

from typing import Any

from django.db.backends.postgresql import base

# Statements kept for each connection; PostgreSQL keeps some 10 to 50 kB for each plan.
PREPARED_MOST = 400


class DatabaseWrapper(base.DatabaseWrapper):
    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection that remembers more statements than psycopg's default."""
        made = super().get_new_connection(conn_params)
        made.prepared_max = PREPARED_MOST
        return made

    def savepoint(self) -> str | None:
        """Open a savepoint that is named by its depth; return its name, or None outside of a
        transaction."""
        if not self._savepoint_allowed():  # type: ignore[attr-defined] # the stubs lack it
            return None
        name = f"nested_{len(self.savepoint_ids) + 1}"
        self.validate_thread_sharing()
        self._savepoint(name)  # type: ignore[attr-defined]
        return name
