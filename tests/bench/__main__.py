"""`python -m tests.bench [WORKLOAD ...] --rounds N --seconds S --minutes M --folder DIR`."""

import argparse
import os
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from globalmart.sandbox.signals import raise_on_stop
from tests.bench import (
    doubles,
    end_to_end,
    flash,
    flat,
    growth,
    hot,
    intake,
    journey,
    reads,
    replay,
)
from tests.bench.report import Section, Sizes, write

WORKLOADS: dict[str, Callable[[Sizes], Section]] = {
    "intake": intake.run,
    "end-to-end": end_to_end.run,
    "hot": hot.run,
    "flash": flash.run,
    "doubles": doubles.run,
    "journey": journey.run,
    "reads": reads.run,
    "growth": growth.run,
    "flat": flat.run,
    "replay": replay.run,
}


def main() -> None:
    """Run the workloads asked for, one after the other, and print what they found."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="of each round")
    parser.add_argument("--minutes", type=float, default=1, help="of what is to be sustained")
    parser.add_argument("--seeded", type=int, nargs="+", default=[20_000], help="for growth")
    parser.add_argument("--sample", type=Path, help="real orders, for replay")
    parser.add_argument("--folder", type=Path, default=Path("var/bench"))
    options = parser.parse_args()
    unknown = set(options.workloads) - set(WORKLOADS)
    if unknown:
        parser.error(f"no such workload: {', '.join(sorted(unknown))}")
    sizes = Sizes(
        options.rounds, options.seconds, options.minutes, tuple(options.seeded), options.sample
    )
    raise_on_stop()
    sections = []
    for name in options.workloads or WORKLOADS:
        sections.append(WORKLOADS[name](sizes))
        print(sections[-1].markdown(), flush=True)  # noqa: T201 - the figures so far
    write(sections, facts=_facts(sizes), folder=options.folder)


def _facts(sizes: Sizes) -> dict[str, str]:
    return {
        "at": f"{datetime.now(UTC):%F %T} UTC",
        "machine": f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "load before": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "sizes": f"{sizes.rounds} rounds of {sizes.seconds:.0f} s, {sizes.minutes:.0f} minutes",
    }


main()
