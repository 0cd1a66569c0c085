"""Pricing an order: discounts, then shipping, then tax, then sums. The order of its lines does
not matter: they are priced, and given back, by SKU."""

from globalmart.core.money import added_tax, included_tax
from orders.pricing.amounts import Amounts, PricedLine
from orders.pricing.discounts import in_turn, off_goods, off_shipping, worth
from orders.pricing.shipping import main_rate, shipping_price
from orders.pricing.terms import Line, Order


def price(order: Order) -> Amounts:
    """Return every amount of an order. Without rates in `shipping` it ships for nothing.

    Raises BelowMinimum for the voucher, NoRateFits for the shipping, and ValueError for an order
    without lines or with a SKU twice.
    """
    lines = sorted(order.lines, key=lambda line: line.sku)
    if not lines or len({line.sku for line in lines}) < len(lines):
        raise ValueError("an order has lines, and one for each SKU")
    discounts = in_turn(order)
    off, applied = off_goods(lines, discounts, order.step_minor)
    subtotal = sum(worth(line) for line in lines)
    shipping = _shipping(order, subtotal)
    freed = off_shipping(shipping, discounts)
    shipping_off = freed.amount_minor if freed else 0
    priced = tuple(_line(order, line, less) for line, less in zip(lines, off, strict=True))
    paid = [worth(line) - less for line, less in zip(lines, off, strict=True)]
    rate = main_rate(lines, paid, order.tax_rates)
    shipping_tax = _tax(order, shipping - shipping_off, rate)
    tax = sum(line.tax_minor for line in priced) + shipping_tax
    tax_added = 0 if order.tax_included else tax
    discount = sum(off) + shipping_off
    return Amounts(
        lines=priced,
        discounts=(*applied, freed) if freed else tuple(applied),
        subtotal_minor=subtotal,
        shipping_minor=shipping,
        shipping_discount_minor=shipping_off,
        shipping_tax_minor=shipping_tax,
        shipping_tax_rate_bp=rate,
        discount_minor=discount,
        tax_minor=tax,
        tax_added_minor=tax_added,
        total_minor=subtotal + shipping - discount + tax_added,
    )


def _shipping(order: Order, goods_minor: int) -> int:
    if not order.shipping:
        return 0
    weight = sum(line.quantity * line.weight_grams for line in order.lines)
    return shipping_price(order.shipping, weight_grams=weight, goods_minor=goods_minor)


def _line(order: Order, line: Line, off_minor: int) -> PricedLine:
    rate = order.tax_rates.get(line.tax_class, 0)
    paid = worth(line) - off_minor
    # By line, each rounded by itself: a line is cancelled, sent and returned alone, with its own
    # tax, and what the lines say is what the order says.
    tax = _tax(order, paid, rate)
    added = 0 if order.tax_included else tax
    return PricedLine(
        sku=line.sku,
        quantity=line.quantity,
        unit_price_minor=line.unit_price_minor,
        discount_minor=off_minor,
        tax_rate_bp=rate,
        tax_minor=tax,
        tax_added_minor=added,
        total_minor=paid + added,
    )


def _tax(order: Order, amount_minor: int, rate_bp: int) -> int:
    """Return the tax in an amount, or on it. What is put on top is charged: in whole steps."""
    if order.tax_included:
        return included_tax(amount_minor, rate_bp)
    return added_tax(amount_minor, rate_bp, order.step_minor)
