"""Sizes of a run, and how its figures are told: Markdown to read, JSON to compare."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Sizes:
    """How long and how often: rounds, seconds of each, minutes of what takes long; orders that
    shops have grown to; a file of real orders, where there is one."""

    rounds: int
    seconds: float
    minutes: float
    seeded: tuple[int, ...] = ()
    sample: Path | None = None


@dataclass(slots=True)
class Section:
    """What one workload has found: tables to read, and figures by name."""

    title: str
    words: str
    tables: list[tuple[str, list[tuple[str, Any]]]] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)

    def table(self, title: str, rows: Sequence[tuple[str, Any]]) -> None:
        """Add a table of names and values."""
        self.tables.append((title, [(name, _text(value)) for name, value in rows]))

    def markdown(self) -> str:
        """Return it as Markdown."""
        lines = [f"## {self.title}", "", self.words.strip(), ""]
        for title, rows in self.tables:
            lines += [f"| {title} | |", "|---|---:|"]
            lines += [f"| {name.replace('|', '/')} | {value} |" for name, value in rows]
            lines.append("")
        return "\n".join(lines)


def write(sections: Sequence[Section], *, facts: dict[str, str], folder: Path) -> str:
    """Write report.md and report.json into a folder; return the first."""
    folder.mkdir(parents=True, exist_ok=True)
    head = ["# What was measured", "", *(f"- {name}: {value}" for name, value in facts.items()), ""]
    text = "\n".join([*head, *(section.markdown() for section in sections)])
    (folder / "report.md").write_text(text, encoding="utf-8")
    found = {section.title: section.figures for section in sections}
    (folder / "report.json").write_text(
        json.dumps({"facts": facts, "figures": found}, indent=2), encoding="utf-8"
    )
    return text


def spread(values: Sequence[float], *, digits: int = 0) -> str:
    """Return median (least to most)."""
    middle, least, most = (f"{each(values):.{digits}f}" for each in (median, min, max))
    return f"{middle} ({least} to {most})"


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which so large a share of the ordered values lies."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def _text(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
