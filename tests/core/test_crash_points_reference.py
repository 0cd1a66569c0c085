"""docs/reference/crash-points.md tells every crash point in the code, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.crashpoints.cells import MORE, VARIANTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "crash-points.md"
CODE = ("globalmart/core", "payments", "fulfillment", "orders", "notifications")
POINT = re.compile(r"CP\d+\Z")


def list_named() -> Iterator[str]:
    """Give the crash points that the code names outside of texts."""
    for folder in CODE:
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                value = node.value if isinstance(node, ast.Constant) else None
                if isinstance(value, str) and POINT.match(value):
                    yield value


def read_page() -> dict[str, str]:
    """Return point -> the variants that the page tells."""
    rows = re.findall(r"^\| (CP\d+) \|.*\| ([^|]*)\|$", PAGE.read_text(), re.MULTILINE)
    return dict(rows)


class TestCrashPointsPage:
    def test_tells_every_point_of_the_code_and_no_other(self) -> None:
        assert set(read_page()) == set(list_named())

    def test_tells_what_is_played(self) -> None:
        page = read_page()
        played = {point: {*variants} for point, variants in VARIANTS.items()}
        for point, _, variant in MORE:
            played[point].add(variant)
        assert set(page) == set(played)
        for point, variants in played.items():
            told = set(re.findall(r"(?:^|, )([\w-]+)", page[point].split(":")[0]))
            assert told == variants - {""}, point
