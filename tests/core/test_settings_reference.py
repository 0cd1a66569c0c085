"""docs/reference/settings.md tells the name, type and default of every setting, and no others."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "settings.md"
SETTINGS = ROOT / "globalmart" / "settings.py"
# Which argument of each reading function is the name, and which the default.
READERS = {"read": (1, 3), "secret": (0, None), "address": (0, 2)}
TYPES = {
    "str": "text",
    "db_url": "address",
    "int": "whole number",
    "float": "number",
    "bool": "yes or no",
}


def read_settings() -> dict[str, tuple[str, str | None]]:
    """Return name -> (type, default) from the code; the default is None where it is computed."""
    found: dict[str, tuple[str, str | None]] = {}
    for node in ast.walk(ast.parse(SETTINGS.read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        place, default_at = READERS.get(node.func.id, (None, None))
        if place is None or not isinstance(node.args[place], ast.Constant):
            continue
        kind = node.func.id
        if kind == "read":
            kind = node.args[0].value  # type: ignore[attr-defined]  # a constant, as all are
        has_default = default_at is not None and len(node.args) > default_at
        default = node.args[default_at] if has_default and default_at is not None else None
        shown = "required" if default is None else None
        if isinstance(default, ast.Constant):
            shown = f"`{default.value}`" if default.value != "" else "empty"
        found[node.args[place].value] = (TYPES.get(kind, kind), shown)  # type: ignore[attr-defined]
    return found


def read_page() -> dict[str, tuple[str, str]]:
    """Return name -> (type, default) from the first table of the page."""
    text = PAGE.read_text().split("## Read elsewhere")[0]
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \| ([^|]+) \|", text, re.MULTILINE)
    return {name: (kind.strip(), default.strip()) for name, kind, default in rows}


class TestSettingsPage:
    def test_the_code_is_read_at_all(self) -> None:
        assert {"SECRET_KEY", "DATABASE_URL", "STRIPE_API_BASE"} <= set(read_settings())

    def test_names_every_setting_and_no_other(self) -> None:
        assert set(read_page()) == set(read_settings())

    def test_tells_type_and_default_as_the_code_has_them(self) -> None:
        page = read_page()
        for name, (kind, default) in read_settings().items():
            assert page[name][0] == kind, name
            if default is not None:
                assert page[name][1] == default, name
