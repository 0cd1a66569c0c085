"""State machines as plain tables: state -> the states that may follow. No row means final."""

from collections.abc import Mapping
from datetime import timedelta

Table = Mapping[str, frozenset[str]]
Ages = Mapping[str, timedelta]


class IllegalTransition(Exception):
    """The table has no such edge: `before` -> `after`."""

    def __init__(self, axis: str, before: str, after: str) -> None:
        super().__init__(f"{axis} cannot go from {before} to {after}")
        self.axis, self.before, self.after = axis, before, after


def is_final(table: Table, state: str) -> bool:
    """Tell whether nothing can follow."""
    return not table.get(state)


def require(table: Table, axis: str, before: str, after: str) -> None:
    """Check one edge. Raises IllegalTransition."""
    if after not in table.get(before, frozenset()):
        raise IllegalTransition(axis, before, after)
