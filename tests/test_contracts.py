"""Each import contract of pyproject.toml, broken once in a copy of the tree."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("globalmart", "payments", "fulfillment", "orders", "notifications")


class Offence(NamedTuple):
    """An import that a contract forbids, by a module made for it."""

    contract: str
    importer: str
    imported: str


HOUSE = "The house"
ROOMS = "Inside an app"
VENDORS = "Vendors' libraries"
OFFENCES = [
    Offence(HOUSE, "globalmart.core.up", "payments.states"),
    Offence(HOUSE, "payments.up", "orders.states"),
    Offence(HOUSE, "payments.sideways", "fulfillment.states"),
    Offence(HOUSE, "fulfillment.sideways", "payments.states"),
    Offence(HOUSE, "orders.up", "notifications.states"),
    Offence(HOUSE, "notifications.up", "tests"),
    Offence(ROOMS, "payments.services.up", "payments.jobs"),
    Offence(ROOMS, "payments.gateways.up", "payments.services"),
    Offence(ROOMS, "orders.queries.up", "orders.services"),
    Offence(ROOMS, "orders.models.up", "orders.queries"),
    Offence(ROOMS, "orders.pricing.up", "orders.models"),
    Offence("Pricing knows neither", "orders.pricing.impure", "django"),
    Offence("Only tests import the sandbox", "orders.seen", "globalmart.sandbox"),
    Offence("The sandbox imports nothing", "globalmart.sandbox.core", "globalmart.core"),
    Offence("The sandbox imports nothing", "globalmart.sandbox.framework", "django"),
    Offence(VENDORS, "payments.services.vendor", "stripe"),
    Offence(VENDORS, "orders.vendor", "zeep"),
    Offence(VENDORS, "notifications.vendor", "twilio"),
    Offence(VENDORS, "globalmart.core.vendor", "anymail"),
    Offence("Models and gateways of payments", "orders.services.foreign", "payments.models"),
    Offence("Models and gateways of payments", "orders.services.wire", "payments.gateways"),
    Offence("Models and gateways of fulfillment", "orders.jobs_foreign", "fulfillment.models"),
    Offence("Models and gateways of fulfillment", "orders.jobs_wire", "fulfillment.gateways"),
    Offence("Models of orders", "notifications.foreign", "orders.models"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What lint-imports says about the tree with every offence in it."""
    tree = tmp_path_factory.mktemp("house")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=_all_but_python)
    (tree / "tests").mkdir()
    (tree / "tests" / "__init__.py").touch()
    shutil.copy(ROOT / "pyproject.toml", tree)
    for offence in OFFENCES:
        file = tree.joinpath(*offence.importer.split(".")).with_suffix(".py")
        assert not file.exists(), "an offence must not overwrite a module"
        # Inside a function: a lazy import counts like any other.
        file.write_text(f"def lazy():\n    import {offence.imported}\n")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=tree,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("offence", OFFENCES, ids=lambda offence: offence.importer)
def test_a_forbidden_import_breaks_its_contract(report: str, offence: Offence) -> None:
    verdict, _, details = report.partition("Broken contracts")
    broken = re.findall(r"^(.+?) BROKEN", verdict, re.MULTILINE)
    names = [name for name in broken if name.startswith(offence.contract)]
    assert len(names) == 1, broken

    _, _, section = details.partition(f"\n{names[0]}\n---")
    others = "|".join(re.escape(name) for name in broken)
    section = re.split(rf"^(?:{others})\n-+$", section, flags=re.MULTILINE)[0]

    assert re.search(
        rf"\b{re.escape(offence.importer)}\b.* -> {re.escape(offence.imported)}\b|"
        rf"\b{re.escape(offence.importer)} is not allowed to import {re.escape(offence.imported)}",
        section,
    ), section


def test_no_contract_is_left_unbroken(report: str) -> None:
    assert re.search(r"^Contracts: 0 kept, \d+ broken", report, re.MULTILINE)


def _all_but_python(folder: str, names: list[str]) -> list[str]:
    return [n for n in names if not (n.endswith(".py") or (Path(folder) / n).is_dir())]
