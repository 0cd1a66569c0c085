"""Nothing just waits: every state that something follows has an age, and past it an alert."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from importlib import import_module

import pytest

from globalmart.core.choreography import resolve, wiring
from globalmart.core.states import Ages, Table

APPS = ("payments", "fulfillment", "orders", "notifications")
OF_RETURN = "ends with its return, whose state has an age"
# States that may last, and why.
MAY_LAST = {
    ("ORDER", "completed"): "at rest; a replacement may reopen it",
    ("ORDER", "expired"): "at rest; late money may revive it",
    ("REFUND", "succeeded"): "at rest; the bank may still refuse it",
    ("MESSAGE", "accepted"): "what the provider does with it is not read back yet",
    ("MESSAGE", "deferred"): "what the provider does with it is not read back yet",
    ("RESERVATION", "held"): "ends with its order, whose state has an age",
    ("RESERVATION", "committed"): "ends with its request, whose state has an age",
    **{("RECEPTION", state): OF_RETURN for state in ("awaiting", "in_transit", "short")},
    ("RECEPTION", "lost_in_transit"): OF_RETURN,
    **{("DECISION", state): OF_RETURN for state in ("pending", "needs_review")},
    ("RESERVATION", "released"): "at rest; late money may take the units again",
}
# Machine -> the alert that its ages open.
WATCHED = {
    "ORDER": "order_stuck",
    "ATTEMPT": "payment_stuck",
    "OPERATION": "operation_stuck",
    "REFUND": "refund_stuck",
    "DISPUTE": "dispute_stuck",
    "FULFILLMENT": "fulfillment_stuck",
    "SHIPMENT": "parcel_stuck",
    "RESERVATION": "backorder_stuck",
    "CANCELLATION": "cancellation_stuck",
    "CORRECTION": "correction_stuck",
    "SHORTAGE": "shortage_stuck",
    "RETURN": "return_stuck",
    "RECEPTION": "return_stuck",
    "DECISION": "return_stuck",
    "MESSAGE": "message_stuck",
}


def machines() -> Iterator[tuple[str, Table, Ages]]:
    """Give every table of states in the house: NAME, and NAME_AGE beside it."""
    for app in APPS:
        names = vars(import_module(f"{app}.states"))
        for name, table in names.items():
            if name.isupper() and isinstance(table, Mapping) and _is_table(table):
                yield name, table, names.get(f"{name}_AGE", {})


def _is_table(value: Mapping[object, object]) -> bool:
    return bool(value) and all(isinstance(row, frozenset) for row in value.values())


MACHINES = {name: (table, ages) for name, table, ages in machines()}


def ageless(name: str, table: Table, ages: Ages) -> set[str]:
    """Return the states that something follows, and that may last for ever unseen."""
    open_ = {state for state, after in table.items() if after}
    return {str(state) for state in open_ - set(ages) if (name, str(state)) not in MAY_LAST}


class TestAges:
    def test_are_there_for_every_machine_of_the_house(self) -> None:
        assert set(MACHINES) == set(WATCHED)

    @pytest.mark.parametrize("name", MACHINES)
    def test_miss_no_state_that_something_follows(self, name: str) -> None:
        assert ageless(name, *MACHINES[name]) == set()

    @pytest.mark.parametrize("name", MACHINES)
    def test_name_only_states_that_something_follows(self, name: str) -> None:
        table, ages = MACHINES[name]
        assert all(table.get(state) for state in ages)
        assert all(age > timedelta(0) for age in ages.values())

    @pytest.mark.parametrize("name", MACHINES)
    def test_are_watched(self, name: str) -> None:
        assert callable(resolve(wiring().watched[WATCHED[name]]))

    def test_would_be_missed(self) -> None:
        table, ages = MACHINES["FULFILLMENT"]
        less = {state: age for state, age in ages.items() if state != "accepted"}
        assert ageless("FULFILLMENT", table, less) == {"accepted"}

    def test_are_excused_only_where_they_are_missing(self) -> None:
        assert all(state not in MACHINES[name][1] for name, state in MAY_LAST)
        assert all(MACHINES[name][0].get(state) for name, state in MAY_LAST)
