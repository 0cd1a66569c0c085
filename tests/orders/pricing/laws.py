"""Random orders, and what has to hold of the price of each."""

from dataclasses import replace
from fractions import Fraction
from math import floor
from random import Random

from orders.pricing import (
    Amounts,
    BelowMinimum,
    Discount,
    DiscountKind,
    DiscountSource,
    Line,
    NoRateFits,
    Order,
    Rate,
    price,
)

RATES = (0, 500, 550, 700, 800, 1000, 1900, 2000, 2550, 2700)
CATEGORIES = ("", "books", "mugs", "tea")
KINDS = tuple(DiscountKind)


def random_order(rng: Random) -> Order:
    """An order of one to twelve lines with up to three promotions, and a voucher in half of them;
    one in five is in a currency of which cards carry no last digit."""
    step = rng.choice((1, 1, 1, 1, 10))
    classes = rng.sample(("standard", "reduced", "zero"), rng.randint(1, 3))
    lines = tuple(
        Line(
            sku=f"SKU-{number:02d}",
            quantity=rng.randint(1, rng.choice((3, 40))),
            unit_price_minor=rng.randint(1, rng.choice((9, 2_000, 50_000))) * step,
            tax_class=rng.choice(classes),
            weight_grams=rng.randint(0, 3_000),
            category=rng.choice(CATEGORIES),
        )
        for number in rng.sample(range(40), rng.randint(1, 12))
    )
    return Order(
        lines=lines,
        tax_rates={name: rng.choice(RATES) for name in classes},
        tax_included=rng.random() < 0.5,
        shipping=tuple(_rate(rng, step) for _ in range(rng.randint(0, 3))),
        promotions=tuple(
            _discount(rng, step, DiscountSource.PROMOTION, number)
            for number in range(rng.randint(0, 3))
        ),
        voucher=_discount(rng, step, DiscountSource.VOUCHER, 9) if rng.random() < 0.5 else None,
        step_minor=step,
    )


def _rate(rng: Random, step: int) -> Rate:
    return Rate(
        amount_minor=rng.randint(0, 1_000) * step,
        weight_from_grams=rng.choice((0, 0, 1_000)),
        weight_below_grams=rng.choice((None, 20_000)),
        free_from_minor=rng.choice((None, 5_000 * step)),
    )


def _discount(rng: Random, step: int, source: DiscountSource, number: int) -> Discount:
    kind = rng.choice(KINDS)
    values = {
        DiscountKind.PERCENT: rng.randint(1, 10_000),
        DiscountKind.AMOUNT: rng.randint(1, 20_000) * step,
        DiscountKind.FREE_SHIPPING: 0,
    }
    is_voucher = source == DiscountSource.VOUCHER
    return Discount(
        source=source,
        kind=kind,
        name=f"discount {number}",
        code="CODE" if is_voucher else "",
        value=values[kind],
        minimum_minor=rng.choice((0, 0, 3_000 * step)),
        priority=rng.randint(1, 3),
        sku="" if is_voucher else rng.choice(("", "", "SKU-07")),
        category="" if is_voucher else rng.choice(CATEGORIES),
    )


def check(order: Order, rng: Random) -> Amounts | None:
    """Price an order and hold the laws against it; None where it is refused, and rightly."""
    try:
        amounts = price(order)
    except BelowMinimum as error:
        _is_missing(order, error.missing_minor)
        return None
    except NoRateFits:
        assert order.shipping
        return None
    _sums(order, amounts)
    _lines(order, amounts)
    _shipping(order, amounts)
    _stays_when_shuffled(order, amounts, rng)
    _voucher_never_costs(order, amounts)
    _more_is_never_less(order, amounts)
    return amounts


def _is_missing(order: Order, missing_minor: int) -> None:
    assert order.voucher is not None
    assert missing_minor == order.voucher.minimum_minor - worth(order) > 0


def worth(order: Order) -> int:
    return sum(line.quantity * line.unit_price_minor for line in order.lines)


def _sums(order: Order, amounts: Amounts) -> None:
    goods_off = sum(line.discount_minor for line in amounts.lines)
    applied = [each for each in amounts.discounts if not each.on_shipping]
    freed = [each for each in amounts.discounts if each.on_shipping]
    assert amounts.subtotal_minor == worth(order)
    assert sum(each.amount_minor for each in applied) == goods_off
    assert sum(each.amount_minor for each in freed) == amounts.shipping_discount_minor
    assert amounts.discount_minor == goods_off + amounts.shipping_discount_minor
    assert amounts.tax_minor == (
        sum(line.tax_minor for line in amounts.lines) + amounts.shipping_tax_minor
    )
    assert amounts.tax_added_minor == (0 if order.tax_included else amounts.tax_minor)
    assert amounts.total_minor == (
        amounts.subtotal_minor
        + amounts.shipping_minor
        - amounts.discount_minor
        + amounts.tax_added_minor
    )
    added = 0 if order.tax_included else amounts.shipping_tax_minor
    assert amounts.total_minor == (
        sum(line.total_minor for line in amounts.lines)
        + amounts.shipping_minor
        - amounts.shipping_discount_minor
        + added
    )
    assert amounts.total_minor % order.step_minor == 0
    assert all(each.amount_minor > 0 for each in amounts.discounts)
    assert len(freed) <= 1


def _lines(order: Order, amounts: Amounts) -> None:
    asked = {line.sku: line for line in order.lines}
    assert [line.sku for line in amounts.lines] == sorted(asked)
    for line in amounts.lines:
        before = line.quantity * line.unit_price_minor
        paid = before - line.discount_minor
        assert 0 <= line.discount_minor <= before
        assert line.discount_minor % order.step_minor == 0
        assert line.tax_rate_bp == order.tax_rates[asked[line.sku].tax_class]
        assert line.tax_minor == tax(order, paid, line.tax_rate_bp)
        assert line.total_minor == paid + (0 if order.tax_included else line.tax_minor)


def tax(order: Order, amount: int, rate_bp: int) -> int:
    """The same by exact fractions, for the code reckons with integers alone."""
    rate = Fraction(rate_bp, 10_000)
    if order.tax_included:
        return half_up(amount * rate / (1 + rate))
    return half_up(amount * rate / order.step_minor) * order.step_minor


def half_up(number: Fraction) -> int:
    return floor(number + Fraction(1, 2))


def _shipping(order: Order, amounts: Amounts) -> None:
    assert 0 <= amounts.shipping_discount_minor <= amounts.shipping_minor
    assert amounts.shipping_discount_minor in (0, amounts.shipping_minor)
    paid = amounts.shipping_minor - amounts.shipping_discount_minor
    assert amounts.shipping_tax_minor == tax(order, paid, amounts.shipping_tax_rate_bp)
    by_rate: dict[int, int] = {}
    for line in amounts.lines:
        net = line.quantity * line.unit_price_minor - line.discount_minor
        by_rate[line.tax_rate_bp] = by_rate.get(line.tax_rate_bp, 0) + net
    assert by_rate[amounts.shipping_tax_rate_bp] == max(by_rate.values())


def _stays_when_shuffled(order: Order, amounts: Amounts, rng: Random) -> None:
    lines, promotions = list(order.lines), list(order.promotions)
    rng.shuffle(lines)
    rng.shuffle(promotions)
    assert price(replace(order, lines=tuple(lines), promotions=tuple(promotions))) == amounts


def _voucher_never_costs(order: Order, amounts: Amounts) -> None:
    if order.voucher is None:
        return
    without = price(replace(order, voucher=None))
    assert amounts.discount_minor >= without.discount_minor
    assert amounts.shipping_minor == without.shipping_minor
    if order.tax_included:
        assert amounts.total_minor <= without.total_minor


def _more_is_never_less(order: Order, amounts: Amounts) -> None:
    """A greater voucher takes no less off, and one unit more costs no less without discounts."""
    if order.voucher is not None and order.voucher.kind == DiscountKind.PERCENT:
        more = replace(order.voucher, value=min(10_000, order.voucher.value + 100))
        assert price(replace(order, voucher=more)).discount_minor >= amounts.discount_minor
    bare = replace(order, promotions=(), voucher=None, shipping=())
    first, *others = order.lines
    bigger = replace(bare, lines=(replace(first, quantity=first.quantity + 1), *others))
    assert price(bigger).total_minor > price(bare).total_minor
