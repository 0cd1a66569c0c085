"""What shipping costs, and under which rate it is taxed."""

from collections.abc import Iterable, Mapping, Sequence

from orders.pricing.discounts import worth
from orders.pricing.terms import Line, Rate


class NoRateFits(Exception):
    """No rate of this way to ship holds for the weight and the value of the goods."""


def shipping_price(rates: Iterable[Rate], *, weight_grams: int, goods_minor: int) -> int:
    """Return the price of the cheapest rate that holds. Raises NoRateFits.

    `goods_minor` is the value before discounts: a voucher never makes shipping dearer.
    """
    prices = [
        _price(rate, goods_minor) for rate in rates if _holds(rate, weight_grams, goods_minor)
    ]
    if not prices:
        raise NoRateFits
    return min(prices)


def main_rate(lines: Sequence[Line], paid: Sequence[int], tax_rates: Mapping[str, int]) -> int:
    """Return the tax rate of the principal supply: that under which most is paid for goods.

    Shipping is ancillary to the goods and shares their treatment (docs/adr/0010). Of rates under
    which the same is paid, the one of the dearer goods before discounts; then the higher one.
    """
    sums: dict[int, tuple[int, int]] = {}
    for line, amount in zip(lines, paid, strict=True):
        rate = tax_rates.get(line.tax_class, 0)
        before = sums.get(rate, (0, 0))
        sums[rate] = (before[0] + amount, before[1] + worth(line))
    return max(sums, key=lambda rate: (*sums[rate], rate))


def _holds(rate: Rate, weight_grams: int, goods_minor: int) -> bool:
    return _within(weight_grams, rate.weight_from_grams, rate.weight_below_grams) and _within(
        goods_minor, rate.value_from_minor, rate.value_below_minor
    )


def _within(number: int, lowest: int, below: int | None) -> bool:
    return number >= lowest and (below is None or number < below)


def _price(rate: Rate, goods_minor: int) -> int:
    is_free = rate.free_from_minor is not None and goods_minor >= rate.free_from_minor
    return 0 if is_free else rate.amount_minor
