"""docs/reference/state-diagrams.md shows every machine of the house, as the code has it."""

from datetime import timedelta
from pathlib import Path

from globalmart.core.choreography import table_of, wiring
from globalmart.core.diagrams import draw
from globalmart.core.management.commands.state_diagrams import page
from tests.core.test_ages import MACHINES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "state-diagrams.md"


def test_the_page_is_drawn_from_the_tables() -> None:
    assert PAGE.read_text() == page() + "\n", (
        "run: manage.py state_diagrams > docs/reference/state-diagrams.md"
    )


def test_no_machine_is_left_out() -> None:
    drawn = [table_of(machine) for machine in wiring().machines.values()]
    assert [name for name, (table, _) in MACHINES.items() if table not in drawn] == []


def test_machines_begin_in_states_that_something_follows() -> None:
    for machine in wiring().machines.values():
        assert all(table_of(machine).get(state) for state in machine.begins)


def test_an_edge_is_an_arrow_and_what_nothing_follows_ends() -> None:
    table = {"open": frozenset({"shut", "gone"}), "shut": frozenset({"gone"})}
    drawn = draw(table=table, begins=("open",), ages={"shut": timedelta(minutes=90)})
    assert drawn.splitlines()[2:] == [
        "    shut: shut (90 min)",
        "    [*] --> open",
        "    open --> shut",
        "    open --> gone",
        "    shut --> gone",
        "    gone --> [*]",
    ]
