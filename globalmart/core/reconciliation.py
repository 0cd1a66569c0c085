"""What a comparison of our books with somebody else's tells, whichever domain it was."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

# As many differences are told one by one; all are counted.
SHOWN = 50
# Told where the time that is compared begins, how far the comparison has come, and its end.
Progress = Callable[[datetime, datetime, datetime], None]


class Unfinished(Exception):
    """The other side did not answer to the end: what was not compared is not known to agree."""


@dataclass(slots=True)
class Report:
    """Counts by kind, and the first differences in words.

    `found` counts every difference, `healed` those that are gone again or whose end is under way,
    `waiting` what could not be compared yet, `closed` cases that are no longer true, `unfinished`
    things that could not be looked at, for a reason that the log gives.
    """

    compared: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    healed: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    closed: int = 0
    unfinished: int = 0

    @property
    def unhealed(self) -> int:
        """How many differences are left."""
        return self.found.total() - self.healed.total()

    def differ(self, kind: str, words: str) -> None:
        """Count a difference."""
        self.found[kind] += 1
        if len(self.examples) < SHOWN:
            self.examples.append(f"{kind}: {words}")
