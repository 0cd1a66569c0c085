"""Whatever is captured and refunded, positions sum to it, and all of them to the order's tax."""

from dataclasses import asdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some

from globalmart.core.money import included_tax
from orders.models import Order, OrderLine
from orders.queries.positions import SHIPPING, Position, PositionKind, for_capture, for_refund
from orders.queries.shares import due_minor, shipped_minor
from payments.queries import RefundPart

RATES = some.sampled_from([0, 700, 2000])
LINE = some.tuples(
    some.integers(1, 4), some.integers(1, 5000), some.integers(0, 100), RATES
)  # quantity, unit price, discount in percent, rate


def make(is_net: bool, facts: list[tuple[int, int, int, int]], shipping: int) -> Any:
    """An order in memory with lines as they would be frozen."""
    lines = []
    for place, (quantity, unit, percent, rate) in enumerate(facts, start=1):
        priced = quantity * unit - quantity * unit * percent // 100
        tax = priced * rate // 10_000 if is_net else included_tax(priced, rate)
        lines.append(
            OrderLine(
                position=place,
                sku=f"S{place}",
                name=f"Thing {place}",
                quantity=quantity,
                unit_price_minor=unit,
                discount_minor=quantity * unit - priced,
                tax_rate_bp=rate,
                tax_minor=tax,
                tax_added_minor=tax if is_net else 0,
                total_minor=priced + (tax if is_net else 0),
            )
        )
    ship_tax = shipping * 2000 // 10_000 if is_net else included_tax(shipping, 2000)
    tax = sum(line.tax_minor for line in lines) + ship_tax
    order = Order(
        currency="EUR",
        shipping_method="standard",
        shipping_minor=shipping,
        shipping_tax_minor=ship_tax,
        shipping_tax_rate_bp=2000,
        tax_minor=tax,
        tax_added_minor=tax if is_net else 0,
    )
    order.total_minor = order.shipping_total_minor + sum(line.total_minor for line in lines)
    return order, lines


def written(found: list[Position]) -> dict[str, Any]:
    return {"lines": [asdict(each) for each in found]}


def sums(found: list[Position]) -> tuple[int, int, int]:
    for each in found:
        assert each.gross_minor == each.net_minor + each.tax_minor
    return (
        sum(each.net_minor for each in found),
        sum(each.tax_minor for each in found),
        sum(each.gross_minor for each in found),
    )


ORDERS = some.builds(
    make, some.booleans(), some.lists(LINE, min_size=1, max_size=4), some.integers(0, 900)
)


@settings(max_examples=40)
@given(order=ORDERS, data=some.data())
def test_parcel_by_parcel_all_of_it_is_invoiced(order: Any, data: some.DataObject) -> None:
    placed, lines = order
    parcels: list[dict[int, int]] = []
    earlier: list[dict[str, Any]] = []
    captured = tax = 0
    while any(line.shipped < line.quantity for line in lines):
        parcel = {
            line.position: data.draw(some.integers(0, line.quantity - line.shipped))
            for line in lines
        }
        if not any(parcel.values()):
            parcel = {line.position: line.quantity - line.shipped for line in lines}
        parcels.append(parcel)
        for line in lines:
            line.shipped += parcel[line.position]
        amount = shipped_minor(placed, lines) - captured
        if not amount:
            continue
        found = for_capture(
            order=placed, lines=lines, parcels=parcels, earlier=earlier, amount_minor=amount
        )
        assert sums(found)[2] == amount
        assert {each.kind for each in found} <= {PositionKind.GOODS, PositionKind.SHIPPING}
        captured, tax = captured + amount, tax + sums(found)[1]
        earlier.append(written(found))
    assert captured == placed.total_minor
    assert tax == placed.tax_minor


@settings(max_examples=40)
@given(order=ORDERS, data=some.data())
def test_any_amounts_are_explained_to_the_last_unit(order: Any, data: some.DataObject) -> None:
    placed, lines = order
    earlier: list[dict[str, Any]] = []
    for _ in range(3):
        for line in lines:
            line.shipped = data.draw(some.integers(line.shipped, line.quantity - line.cancelled))
            line.cancelled = data.draw(some.integers(line.cancelled, line.quantity - line.shipped))
        amount = data.draw(some.integers(1, 40_000))
        found = for_capture(
            order=placed, lines=lines, parcels=[], earlier=earlier, amount_minor=amount
        )
        assert sums(found)[2] == amount
        earlier.append(written(found))
    for line in lines:
        units = sum(
            row["quantity"]
            for each in earlier
            for row in each["lines"]
            if row["line"] == line.position
        )
        assert units <= line.quantity


@settings(max_examples=40)
@given(order=ORDERS, data=some.data())
def test_one_capture_for_all_that_is_due_lists_just_that(order: Any, data: some.DataObject) -> None:
    placed, lines = order
    for line in lines:
        line.cancelled = data.draw(some.integers(0, line.quantity))
    amount = due_minor(placed, lines)
    if not amount or all(line.cancelled == line.quantity for line in lines):
        return
    found = for_capture(order=placed, lines=lines, parcels=[], earlier=[], amount_minor=amount)
    assert sums(found)[2] == amount
    assert PositionKind.BALANCE not in {each.kind for each in found}


@settings(max_examples=40)
@given(order=ORDERS, data=some.data())
def test_refunds_are_exact_and_units_give_their_tax_back(order: Any, data: some.DataObject) -> None:
    placed, lines = order
    earlier: list[dict[str, Any]] = []
    for line in lines:
        left = line.total_minor
        for unit in range(line.quantity):
            is_last = unit == line.quantity - 1
            amount = left if is_last else line.total_minor // line.quantity
            left -= amount
            free = data.draw(some.integers(0, 50))
            if not amount + free:
                continue
            part = RefundPart("line", amount, line.position, 1)
            found = for_refund(
                order=placed,
                lines=lines,
                parts=[part, RefundPart("amount", free, None, 0)],
                earlier=earlier,
                amount_minor=amount + free,
            )
            assert sums(found)[2] == amount + free
            earlier.append(written(found))
        tax = sum(
            row["tax_minor"]
            for each in earlier
            for row in each["lines"]
            if row["line"] == line.position
        )
        assert tax == line.tax_minor


def test_a_unit_price_less_its_discount_is_what_it_cost() -> None:
    placed, lines = make(False, [(3, 1000, 10, 2000)], 395)
    (goods, shipping) = for_capture(
        order=placed, lines=lines, parcels=[], earlier=[], amount_minor=placed.total_minor
    )

    assert (goods.quantity, goods.unit_price_minor, goods.discount_minor) == (3, 1000, 300)
    assert (goods.net_minor, goods.tax_minor, goods.gross_minor) == (2250, 450, 2700)
    assert (shipping.line, shipping.gross_minor) == (SHIPPING, 395)
