"""Every command, every make target and every kind of alert has its line in the documentation."""

import ast
import re
from pathlib import Path

import pytest

from globalmart.core.choreography import wiring

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
APPS = ("globalmart/core", "payments", "fulfillment", "orders", "notifications")
# Files that must be read whole, or be wrong: a link that leads nowhere is a broken promise.
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def find_alert_kinds() -> set[str]:
    """Return every kind that the code opens an alert of: by `open_alert(kind=...)`, where the
    kind may be a constant of the module, by `books.alarm("...")`, or chosen among constants that
    are called `..._ALERT`."""
    kinds = set(wiring().watched)
    for path in (path for app in APPS for path in (ROOT / app).rglob("*.py")):
        tree = ast.parse(path.read_text())
        constants = {
            node.targets[0].id: node.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        } | {name.id: value for name, value in _pairs(tree)}
        chosen = (value for name, value in constants.items() if name.endswith("_ALERT"))
        kinds |= {str(each.value) for each in chosen if isinstance(each, ast.Constant)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            found = [word.value for word in node.keywords if word.arg == "kind"]
            if getattr(node.func, "attr", "") == "alarm":
                found = node.args[:1]
            elif getattr(node.func, "id", "") != "open_alert":
                continue
            values = (constants.get(getattr(each, "id", ""), each) for each in found)
            kinds |= {str(each.value) for each in values if isinstance(each, ast.Constant)}
    return kinds


def _pairs(tree: ast.Module) -> list[tuple[ast.Name, ast.expr]]:
    """Return what `A, B = "a", "b"` at a module's top assigns."""
    return [
        (name, value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Tuple)
        and isinstance(node.value, ast.Tuple)
        for name, value in zip(node.targets[0].elts, node.value.elts, strict=True)
        if isinstance(name, ast.Name)
    ]


class TestCommandsPage:
    def test_names_every_management_command(self) -> None:
        page = (DOCS / "reference" / "commands.md").read_text()
        commands = {
            path.stem
            for app in APPS
            for path in (ROOT / app / "management" / "commands").glob("[a-z]*.py")
        }
        assert "audit" in commands
        assert {name for name in commands if f"`manage.py {name}" not in page} == set()

    def test_names_every_make_target_and_no_other(self) -> None:
        page = (DOCS / "reference" / "commands.md").read_text()
        makefile = (ROOT / "Makefile").read_text()
        targets = set(re.findall(r"^([a-z][a-z-]*):.*## ", makefile, re.MULTILINE))
        assert set(re.findall(r"`make ([a-z-]+)", page)) == targets


class TestAlertPage:
    def test_names_every_kind_and_no_other(self) -> None:
        page = (DOCS / "how-to" / "recover-from-an-alert.md").read_text()
        kinds = find_alert_kinds()
        assert {"order_stuck", "capture_failed"} <= kinds
        assert set(re.findall(r"^\| `([a-z_]+)` \|", page, re.MULTILINE)) == kinds


class TestLinks:
    @pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
    def test_lead_to_files_that_are_there(self, path: Path) -> None:
        links = re.findall(r"(?:\]\(|src=\")([^)\"#:]+)(?:#[^)\"]*)?[)\"]", path.read_text())
        missing = [link for link in links if not (path.parent / link).exists()]
        assert missing == []
