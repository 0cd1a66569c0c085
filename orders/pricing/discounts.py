"""Taking discounts off goods: promotions by priority, then the voucher on what is left."""

from collections.abc import Iterable, Sequence

from globalmart.core.money import allocate, proportion
from orders.pricing.amounts import Applied
from orders.pricing.terms import Discount, DiscountKind, Line, Order


class BelowMinimum(Exception):
    """The goods cost `missing_minor` too little for the voucher."""

    def __init__(self, missing_minor: int) -> None:
        super().__init__(missing_minor)
        self.missing_minor = missing_minor


def worth(line: Line) -> int:
    """Return what a line costs before discounts."""
    return line.quantity * line.unit_price_minor


def in_turn(order: Order) -> list[Discount]:
    """Return the discounts that hold, in the order in which they are applied.

    Promotions by priority, then by name, then the voucher. Raises BelowMinimum for the voucher.
    """
    promotions = sorted(order.promotions, key=_turn)
    fitting = [each for each in promotions if _missing(order.lines, each) <= 0]
    if order.voucher is None:
        return fitting
    missing = _missing(order.lines, order.voucher)
    if missing > 0:
        raise BelowMinimum(missing)
    return [*fitting, order.voucher]


def off_goods(
    lines: Sequence[Line], discounts: Iterable[Discount], step_minor: int
) -> tuple[list[int], list[Applied]]:
    """Return what is taken off each line, and what each discount took, in whole steps.

    Each takes its part of what the ones before it left, and never more than that.
    """
    left = [worth(line) for line in lines]
    applied = []
    for discount in discounts:
        if discount.kind == DiscountKind.FREE_SHIPPING:
            continue
        # Counted in steps: so every line is taken off a multiple of what can be charged.
        steps = [
            left[place] // step_minor if _is_meant(line, discount) else 0
            for place, line in enumerate(lines)
        ]
        taken = min(_wanted(discount, sum(steps) * step_minor, step_minor), sum(steps))
        if taken <= 0:
            continue
        for place, part in enumerate(allocate(taken, steps)):
            left[place] -= part * step_minor
        applied.append(_applied(discount, taken * step_minor))
    return [worth(line) - rest for line, rest in zip(lines, left, strict=True)], applied


def off_shipping(price_minor: int, discounts: Iterable[Discount]) -> Applied | None:
    """Return the first discount that makes shipping free; None where it costs nothing anyway."""
    for discount in discounts:
        if discount.kind == DiscountKind.FREE_SHIPPING and price_minor:
            return _applied(discount, price_minor)
    return None


def _turn(promotion: Discount) -> tuple[int | str, ...]:
    """Return what tells apart any two promotions that differ: so their order is never a chance."""
    return (
        promotion.priority,
        promotion.name,
        promotion.sku,
        promotion.category,
        promotion.kind,
        promotion.value,
        promotion.minimum_minor,
    )


def _wanted(discount: Discount, amount_minor: int, step_minor: int) -> int:
    """Return how many steps a discount would take off an amount."""
    if discount.kind == DiscountKind.PERCENT:
        return proportion(amount_minor, discount.value, step_minor) // step_minor
    return discount.value // step_minor


def _missing(lines: Sequence[Line], discount: Discount) -> int:
    """Return how much the goods of a discount lack to its minimum; 1 where there are none."""
    meant = [worth(line) for line in lines if _is_meant(line, discount)]
    return discount.minimum_minor - sum(meant) if meant else 1


def _is_meant(line: Line, discount: Discount) -> bool:
    is_sku = not discount.sku or line.sku == discount.sku
    return is_sku and (not discount.category or line.category == discount.category)


def _applied(discount: Discount, amount_minor: int) -> Applied:
    return Applied(
        source=discount.source,
        name=discount.name,
        code=discount.code,
        amount_minor=amount_minor,
        on_shipping=discount.kind == DiscountKind.FREE_SHIPPING,
    )
