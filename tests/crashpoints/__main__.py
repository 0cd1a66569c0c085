"""Crash the shop at every point of the table, and see that nothing is lost or charged twice.

`python -m globalmart.sandbox exec --failpoints -- python -m tests.crashpoints`; SEED mixes the
cells, CELLS picks some (`CP7:kill:applied CP21`), SIDE_BY_SIDE says how many are played at once.
"""

import os
import sys
import time

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.crashpoints.cells import Cell, all_cells, find_cells
from tests.crashpoints.run import (
    SIDE_BY_SIDE,
    Result,
    audit,
    play_all,
    wait_for_books,
)
from tests.crashpoints.stage import Stage
from tests.journeys.shop import Shop


def main() -> int:
    """Play the cells, print the table, and return 0 where each was hit and nothing was broken."""
    console = Console(width=130, highlight=False)
    seed = int(os.environ.get("SEED") or time.time_ns() % 1_000_000)
    console.print(f"seed {seed}")
    try:
        cells = find_cells(os.environ.get("CELLS", "").split()) or all_cells()
    except LookupError as error:
        console.print(str(error))
        return 2
    stage = Stage(Shop(os.environ), label=f"crash-{seed}")
    started = time.monotonic()
    results: list[Result] = []
    side_by_side = int(os.environ.get("SIDE_BY_SIDE") or SIDE_BY_SIDE)
    for result in play_all(stage, cells, seed=seed, side_by_side=side_by_side):
        results.append(result)
        _say(console, result, f"{len(results)} of {len(cells)}, {time.monotonic() - started:.0f} s")
    wait_for_books()
    audit(stage, results)
    console.print(_table(results, cells))
    for result in results:
        for breach in result.breaches:
            console.print(
                f"[red]{result.cell.name}[/red] {result.buyer.public_id} {escape(breach)}"
            )
    hit = len({result.cell for result in results if result.is_hit})
    breaches = sum(len(result.breaches) for result in results)
    console.print(f"seed {seed}, {time.monotonic() - started:.0f} s")
    console.print(f"cells {len(cells)}, hit {hit}, breaches {breaches}")
    return 0 if hit == len(cells) and not breaches else 1


def _say(console: Console, result: Result, progress: str) -> None:
    hit = "hit" if result.is_hit else f"[red]not hit[/red] ({escape(result.missed)})"
    console.print(f"{progress}: {result.cell.name} {hit}, {result.outcome}, {result.seconds:.0f} s")
    for breach in result.breaches:
        console.print(f"    [red]{escape(breach)}[/red]")


def _table(results: list[Result], cells: list[Cell]) -> Table:
    table = Table("point", "action", "variant", "hit", "outcome", box=None, pad_edge=False)
    table.add_column("seconds", justify="right")
    table.add_column("breaches", justify="right")
    for result in sorted(results, key=lambda each: cells.index(each.cell)):
        cell, breaches = result.cell, len(result.breaches)
        table.add_row(
            *(cell.point, cell.action, cell.variant),
            "yes" if result.is_hit else "[red]no[/red]",
            result.outcome,
            f"{result.seconds:.0f}",
            f"[red]{breaches}[/red]" if breaches else "0",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
