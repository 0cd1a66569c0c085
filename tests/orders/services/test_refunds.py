"""What of an order can be refunded, and for how much."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as some

from orders.models import Order, OrderLine
from orders.services.refunds import (
    BadSelection,
    LineLeft,
    Selection,
    request_refund,
    what_is_left,
)
from payments.queries import RefundView
from payments.services import refunds as payments
from payments.services.refund_books import RefundRefused
from payments.services.refunds import Reason
from tests import builders
from tests.builders import NOON
from tests.payments.conftest import mark_captured, order, paid_order, refunds, stripe  # noqa: F401
from tests.payments.refunding import ASKER, CHIEF, sums


def ask(placed: Order, *, approve: bool = True, **selection: object) -> RefundView:
    return request_refund(
        order_id=placed.pk,
        selection=Selection(**selection),  # type: ignore[arg-type]
        reason=Reason.RETURNED,
        requested_by=ASKER,
        now=NOON,
        approve=approve,
    )


def parts(view: RefundView) -> list[tuple[str, int, int | None, int]]:
    return [(part.kind, part.amount_minor, part.line, part.quantity) for part in view.parts]


class TestByLine:
    def test_costs_what_the_order_froze(self, paid_order: Order) -> None:  # noqa: F811
        view = ask(paid_order, quantities={1: 1})

        assert parts(view) == [("line", 900, 1, 1)]
        assert (view.state, sums(paid_order)) == ("approved", (0, 900, 0))

    def test_leaves_the_rest_and_no_more(self, paid_order: Order) -> None:  # noqa: F811
        ask(paid_order, quantities={1: 1})

        (line,) = what_is_left(order=paid_order).lines
        assert (line.quantity, line.amount_minor) == (1, 900)
        with pytest.raises(BadSelection):
            ask(paid_order, quantities={1: 2})

    def test_that_was_only_asked_for_is_not_left_either(
        self,
        paid_order: Order,  # noqa: F811
    ) -> None:
        view = ask(paid_order, approve=False, quantities={1: 2})
        assert what_is_left(order=paid_order).lines[0].quantity == 0

        payments.reject_refund(refund_id=view.id, rejected_by=CHIEF, reason="no", now=NOON)
        assert what_is_left(order=paid_order).lines[0].quantity == 2

    def test_may_lower_the_price_of_goods_that_stay(self, paid_order: Order) -> None:  # noqa: F811
        view = ask(paid_order, quantities={1: 1}, lowered_minor={1: 100})
        assert parts(view) == [("line", 900, 1, 1), ("line", 100, 1, 0)]

        (line,) = what_is_left(order=paid_order).lines
        assert (line.quantity, line.amount_minor) == (1, 800)

    @pytest.mark.parametrize(
        "selection",
        [
            {},
            {"quantities": {1: 3}},
            {"quantities": {1: -1}},
            {"quantities": {2: 1}},
            {"quantities": {1: 2}, "lowered_minor": {1: 1}},
            {"lowered_minor": {1: -5}},
            {"shipping_minor": 396},
            {"shipping_minor": -1},
            {"amount_minor": -1},
        ],
    )
    def test_of_what_is_not_there_is_refused(
        self,
        paid_order: Order,  # noqa: F811
        selection: dict[str, object],
    ) -> None:
        with pytest.raises(BadSelection):
            ask(paid_order, **selection)


class TestOthers:
    def test_shipping_and_an_amount(self, paid_order: Order) -> None:  # noqa: F811
        view = ask(paid_order, shipping_minor=395, amount_minor=5)

        assert parts(view) == [("shipping", 395, None, 0), ("amount", 5, None, 0)]
        assert what_is_left(order=paid_order).shipping_minor == 0

    def test_the_whole(self, paid_order: Order) -> None:  # noqa: F811
        view = ask(paid_order, approve=False, is_whole=True)

        assert parts(view) == [("line", 1800, 1, 2), ("shipping", 395, None, 0)]

    def test_the_whole_of_what_an_amount_has_left(self, paid_order: Order) -> None:  # noqa: F811
        ask(paid_order, amount_minor=1000)
        view = ask(paid_order, approve=False, is_whole=True)

        assert view.amount_minor == 1195
        assert sum(part.amount_minor for part in view.parts) == 1195

    def test_nothing_is_left_after_the_whole(self, paid_order: Order) -> None:  # noqa: F811
        view = ask(paid_order, approve=False, is_whole=True)
        payments.approve_refund(refund_id=view.id, approved_by=CHIEF, now=NOON)

        with pytest.raises(BadSelection):
            ask(paid_order, is_whole=True)
        with pytest.raises(RefundRefused):
            ask(paid_order, amount_minor=1)

    def test_a_large_one_waits_for_a_second_person(
        self,
        paid_order: Order,  # noqa: F811
        settings: object,
    ) -> None:
        settings.REFUND_SECOND_PERSON_ABOVE_MINOR = 100  # type: ignore[attr-defined]

        assert ask(paid_order, amount_minor=101).state == "requested"

    def test_the_same_form_twice_is_one(self, paid_order: Order) -> None:  # noqa: F811
        uuid = uuid4()
        views = [
            request_refund(
                order_id=paid_order.pk,
                selection=Selection(amount_minor=100),
                reason=Reason.GOODWILL,
                requested_by=ASKER,
                now=NOON,
                uuid=uuid,
                approve=True,
            )
            for _ in range(2)
        ]

        assert views[0].id == views[1].id
        assert sums(paid_order) == (0, 100, 0)


class TestSums:
    @given(
        quantity=some.integers(1, 60),
        amount=some.integers(0, 100_000),
        cuts=some.lists(some.integers(1, 20), max_size=30),
    )
    def test_units_of_a_line_come_to_exactly_what_it_cost(
        self, quantity: int, amount: int, cuts: list[int]
    ) -> None:
        left = LineLeft(1, "MUG", "Mug", quantity, amount)
        given_back = 0
        for cut in [*cuts, quantity]:
            taken = min(cut, left.quantity)
            part = left.amount_of(taken)
            given_back += part
            left = LineLeft(1, "MUG", "Mug", left.quantity - taken, left.amount_minor - part)
        assert (left.quantity, given_back) == (0, amount)


def test_units_come_to_what_the_currency_can_pay() -> None:
    left = LineLeft(1, "MUG", "Mug", 3, 10_000, step_minor=10)
    assert [left.amount_of(units) for units in range(4)] == [0, 3340, 6670, 10_000]


@pytest.mark.parametrize("quantity", [3, 7])
def test_three_units_for_an_odd_price_come_to_it_in_any_parts(
    paid_order: Order,  # noqa: F811
    quantity: int,
) -> None:
    builders.add_product("CUP", price_minor=333, on_hand=20)
    placed = builders.place({"CUP": quantity})
    OrderLine.objects.filter(order=placed).update(discount_minor=1, total_minor=333 * quantity - 1)
    Order.objects.filter(pk=placed.pk).update(discount_minor=1, total_minor=placed.total_minor - 1)
    placed.refresh_from_db()
    mark_captured(placed)

    amounts = [ask(placed, quantities={1: 1}).amount_minor for _ in range(quantity)]

    assert sum(amounts) == 333 * quantity - 1
