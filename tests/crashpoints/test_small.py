"""A few cells of the table, on the whole stack. All of it is `make crashpoints`."""

from uuid import uuid4

import pytest

from globalmart.sandbox.stack import Stack
from tests.crashpoints.cells import SMALL, all_cells, find_cells
from tests.crashpoints.run import audit, play_all
from tests.crashpoints.stage import Stage
from tests.journeys.shop import Shop


class TestTable:
    def test_has_each_cell_once(self) -> None:
        names = [cell.name for cell in all_cells()]
        assert len(names) == len(set(names)) >= 66

    def test_knows_a_cell_by_its_name_and_a_point_by_its_own(self) -> None:
        assert [cell.name for cell in find_cells(["CP7:kill:applied"])] == ["CP7:kill:applied"]
        assert {cell.point for cell in find_cells(["CP1"])} == {"CP1"}
        with pytest.raises(LookupError, match="CP99"):
            find_cells(["CP99"])


@pytest.mark.stack
class TestCrash:
    def test_loses_nothing_and_charges_once(self, stack: Stack) -> None:
        stage = Stage(Shop(stack.environment), label=f"small-{uuid4().hex[:8]}")

        results = list(play_all(stage, find_cells(list(SMALL)), seed=7, ship_after=0.2))
        audit(stage, results)

        assert {r.cell.name: r.breaches for r in results if r.breaches} == {}
        assert {result.cell.name for result in results if result.is_hit} == set(SMALL)
        assert {result.outcome for result in results} == {"completed"}
