"""State machines as Mermaid diagrams, drawn from the tables that the code obeys. Pure."""

from collections.abc import Iterable
from datetime import timedelta

from globalmart.core.states import Ages, Table


def draw(*, table: Table, begins: Iterable[str], ages: Ages) -> str:
    """Return one machine as a Mermaid `stateDiagram-v2`.

    Edges come in the order of the table's rows and of the state's names; a state that nothing
    follows ends; a state past whose age an alert is opened says so.
    """
    order = _order(table)
    lines = ["stateDiagram-v2", "    direction LR"]
    lines += [f"    {state}: {state} ({_span(ages[state])})" for state in order if state in ages]
    lines += [f"    [*] --> {state}" for state in begins]
    for before in order:
        after = table.get(before, frozenset())
        lines += [f"    {before} --> {state}" for state in order if state in after]
        lines += [] if after else [f"    {before} --> [*]"]
    return "\n".join(lines)


def _order(table: Table) -> list[str]:
    """Every state once: first those that something follows, as the table has them."""
    rest = sorted({str(state) for after in table.values() for state in after} - {*map(str, table)})
    return [*map(str, table), *rest]


def _span(age: timedelta) -> str:
    """Return an age in its largest whole unit: 30 d, 2 h, 15 min."""
    minutes = int(age.total_seconds()) // 60
    for size, unit in ((1440, "d"), (60, "h")):
        if minutes % size == 0:
            return f"{minutes // size} {unit}"
    return f"{minutes} min"
