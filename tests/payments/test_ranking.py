"""Which events we use, and what each can add: without a database."""

from itertools import permutations

import pytest

from payments.services.ranking import (
    CONTRADICTS,
    HANDLED,
    STATE_RANK,
    Thing,
    adds_something,
    covered,
)
from payments.states import AttemptState, DisputeState, RefundState

STATES = {
    Thing.INTENT: AttemptState,
    Thing.REFUND: RefundState,
    Thing.DISPUTE: DisputeState,
}
HELD = "payment_intent.amount_capturable_updated"
TAKEN = "payment_intent.succeeded"


class TestTable:
    @pytest.mark.parametrize("thing", STATES)
    def test_ranks_every_state(self, thing: Thing) -> None:
        assert set(STATE_RANK[thing]) == set(STATES[thing].values)

    def test_looks_something_up_for_every_type(self) -> None:
        assert {handling.thing for handling in HANDLED.values()} == set(Thing)
        assert min(handling.rank for handling in HANDLED.values()) > 0

    def test_contradicts_nothing_that_is_not_handled(self) -> None:
        assert set(CONTRADICTS) <= set(HANDLED)


class TestAddsSomething:
    @pytest.mark.parametrize("type_", HANDLED)
    def test_of_what_we_do_not_know_everything_does(self, type_: str) -> None:
        assert adds_something(type_=type_, state=None)

    @pytest.mark.parametrize("state", [None, "captured", "known"])
    def test_a_type_that_we_do_not_use_never_does(self, state: str | None) -> None:
        assert not adds_something(type_="customer.created", state=state)

    @pytest.mark.parametrize(
        ("type_", "state", "adds"),
        [
            ("payment_intent.payment_failed", AttemptState.CREATED, True),
            ("payment_intent.payment_failed", AttemptState.AUTHORIZED, False),
            (HELD, AttemptState.UNKNOWN, True),
            (HELD, AttemptState.AUTHORIZED, False),
            (HELD, AttemptState.CANCELLED, True),
            (TAKEN, AttemptState.PARTIALLY_CAPTURED, True),
            (TAKEN, AttemptState.CAPTURED, False),
            (TAKEN, AttemptState.FAILED, True),
            ("payment_intent.canceled", AttemptState.CANCELLED, False),
            ("payment_intent.canceled", AttemptState.CAPTURED, True),
            ("refund.created", RefundState.PENDING, False),
            ("refund.updated", RefundState.PENDING, True),
            ("refund.updated", RefundState.SUCCEEDED, False),
            ("refund.failed", RefundState.SUCCEEDED, True),
            ("refund.failed", RefundState.FAILED, False),
            ("charge.refunded", None, True),
            ("charge.dispute.created", DisputeState.NEEDS_RESPONSE, False),
            ("charge.dispute.closed", DisputeState.UNDER_REVIEW, True),
            ("charge.dispute.closed", DisputeState.WON, False),
            ("charge.dispute.funds_reinstated", DisputeState.WON, True),
            ("radar.early_fraud_warning.created", "known", False),
            ("radar.early_fraud_warning.updated", "known", True),
        ],
    )
    def test_follows_the_rank(self, type_: str, state: str | None, adds: bool) -> None:
        assert adds_something(type_=type_, state=state) is adds


class TestCovered:
    def test_one_look_closes_all_that_it_showed(self) -> None:
        waiting = ["payment_intent.payment_failed", HELD, TAKEN]

        assert covered(waiting, applied=HELD, state="captured") == set(waiting)

    def test_leaves_what_the_look_did_not_show(self) -> None:
        assert covered([TAKEN, HELD], applied=HELD, state="authorized") == {HELD}

    def test_does_not_depend_on_the_order(self) -> None:
        types = list(HANDLED)[:6]
        found = {
            frozenset(covered(order, applied=HELD, state="authorized"))
            for order in permutations(types)
        }

        assert len(found) == 1
