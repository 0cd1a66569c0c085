"""Shares of units: whatever is shipped and cancelled, unit by unit, sums to what was paid."""

from hypothesis import given
from hypothesis import strategies as some

from orders.models import Order, OrderLine
from orders.queries.shares import (
    cancelled_share,
    due_minor,
    shipped_minor,
)

LINE = some.tuples(some.integers(1, 9), some.integers(0, 2_000), some.integers(0, 99))


def build(rows: list[tuple[int, int, int]], shipping: int) -> tuple[Order, list]:
    """An order of (units, unit price, discount of the line in percent)."""
    lines = []
    for units, price, off in rows:
        discount = units * price * off // 100
        lines.append(
            OrderLine(
                quantity=units,
                unit_price_minor=price,
                discount_minor=discount,
                total_minor=units * price - discount,
            )
        )
    subtotal = sum(line.quantity * line.unit_price_minor for line in lines)
    on_lines = sum(line.discount_minor for line in lines)
    order = Order(
        subtotal_minor=subtotal,
        shipping_minor=shipping,
        discount_minor=on_lines,
        total_minor=subtotal + shipping - on_lines,
    )
    return order, lines


@given(
    rows=some.lists(LINE, min_size=1, max_size=4),
    shipping=some.integers(0, 900),
    data=some.data(),
)
def test_unit_by_unit_everything_sums_to_what_was_paid(
    rows: list[tuple[int, int, int]], shipping: int, data: some.DataObject
) -> None:
    order, lines = build(rows, shipping)
    moves = [place for place, line in enumerate(lines) for _ in range(line.quantity)]
    captured = 0
    due = due_minor(order, lines)
    assert due == order.total_minor
    for place in data.draw(some.permutations(moves)):
        line = lines[place]
        if data.draw(some.booleans()):
            line.shipped += 1
        else:
            line.cancelled += 1
        # What is due never rises, and never sinks below what was captured for parcels.
        assert 0 <= due_minor(order, lines) <= due
        due = due_minor(order, lines)
        assert captured <= shipped_minor(order, lines) <= due
        captured = shipped_minor(order, lines)
    if captured:
        assert captured == due
        assert captured + sum(map(cancelled_share, lines)) == order.total_minor
    else:
        assert due in (0, order.total_minor - sum(map(cancelled_share, lines)))


@given(units=some.integers(1, 30), paid=some.integers(0, 5_000), data=some.data())
def test_units_cancelled_at_once_cost_what_they_cost_one_by_one(
    units: int, paid: int, data: some.DataObject
) -> None:
    order, lines = build([(units, 0, 0)], 100)
    lines[0].total_minor = paid
    many = data.draw(some.integers(0, units))
    singly = []
    for count in range(many + 1):
        lines[0].cancelled = count
        singly.append(cancelled_share(lines[0]))
    steps = [after - before for before, after in zip(singly, singly[1:], strict=False)]

    assert sum(steps) == singly[-1]
    assert max(steps, default=0) - min(steps, default=0) <= 1
    lines[0].cancelled = units
    assert cancelled_share(lines[0]) == paid


def test_shipping_is_charged_with_the_first_parcel() -> None:
    order, lines = build([(2, 900, 0), (3, 500, 0)], 395)
    lines[0].shipped = 1
    assert shipped_minor(order, lines) == 900 + 395
    lines[1].cancelled = 3
    assert due_minor(order, lines) == 1800 + 395


def test_what_is_taken_of_dinars_can_be_charged() -> None:
    order = Order(pk=1, currency="KWD", shipping_minor=0)
    line = OrderLine(order=order, quantity=3, unit_price_minor=1250, total_minor=3190)
    shares = []
    for line.cancelled in (1, 2, 3):
        shares.append(cancelled_share(line))
    assert shares == [1070, 2130, 3190]
    line.cancelled = 0
    order.total_minor = 3190
    taken = []
    for line.shipped in (1, 2, 3):
        taken.append(shipped_minor(order, [line]))
    assert taken == [1060, 2120, 3190]
