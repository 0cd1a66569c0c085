"""What an invoice or a credit note lists: positions that sum to its amount, to the minor unit.

A position's tax is the share of its line's frozen tax, counted from the first document on and
rounded half up, so that the documents of a whole line sum to exactly the line's tax. Where no
units explain an amount, a balancing position says so; its tax is split as the order's is. Pure.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from globalmart.core.money import allocate, included_tax
from orders.models import Order, OrderLine
from orders.queries.shares import cancelled_share, shipped_share
from payments.queries import RefundPart

# Where shipping stands among the lines' positions, which begin with 1.
SHIPPING = 0


class PositionKind(StrEnum):
    """What a position is for."""

    GOODS = "goods"
    SHIPPING = "shipping"
    # The part of a payment that no units explain: paid ahead, or with another payment.
    BALANCE = "balance"
    # Money given back without goods.
    AMOUNT = "amount"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One row. `discount_minor` is what the price falls short of quantity x unit price: the
    discount, with what a split line leaves in rounding. Minor units; rates in basis points."""

    kind: PositionKind
    line: int | None = None
    sku: str = ""
    name: str = ""
    quantity: int = 0
    unit_price_minor: int = 0
    discount_minor: int = 0
    tax_rate_bp: int = 0
    net_minor: int
    tax_minor: int
    gross_minor: int


@dataclass(frozen=True, slots=True)
class Covered:
    """So much of a line, or of shipping, in units and with tax."""

    units: int = 0
    gross_minor: int = 0
    tax_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """A line, or shipping, as positions take from it."""

    number: int
    sku: str
    name: str
    unit_price_minor: int
    rate_bp: int
    total_minor: int
    tax_minor: int
    is_net: bool


def for_capture(
    *,
    order: Order,
    lines: Sequence[OrderLine],
    parcels: Sequence[Mapping[int, int]],
    earlier: Sequence[Mapping[str, Any]],
    amount_minor: int,
) -> list[Position]:
    """Return what a payment is for: units that have left and were not invoiced yet, by parcel;
    or all that was not cancelled; or all. The first that explains the amount, else the nearest.

    `parcels` are units by line position, oldest first; `earlier` the contents of the invoices
    before. Shipping is taken with the first units.
    """
    done = covered(earlier)
    sources = _sources(order, lines)
    best: list[Position] = []
    least: int | None = None
    for target in _targets(order, lines, parcels):
        found = _take(sources, done, target)
        rest = amount_minor - sum(each.gross_minor for each in found)
        if least is None or abs(rest) < abs(least):
            best, least = found, rest
    return [*best, *_by_rates(PositionKind.BALANCE, order, lines, least or 0)]


def for_refund(
    *,
    order: Order,
    lines: Sequence[OrderLine],
    parts: Sequence[RefundPart],
    earlier: Sequence[Mapping[str, Any]],
    amount_minor: int,
) -> list[Position]:
    """Return what money that went back was for. `earlier` are the contents of the credit notes
    before that stand; what the parts do not explain is an amount without goods."""
    done = dict(covered(earlier))
    sources = {each.number: each for each in _sources(order, lines)}
    found, rest = [], amount_minor
    for part in parts:
        number = SHIPPING if part.kind == "shipping" else part.line
        source = sources.get(number) if number is not None else None
        if source is None or part.amount_minor > rest:
            continue
        before = done.get(source.number, Covered())
        now = _at(source, before.units + part.quantity, before.gross_minor + part.amount_minor)
        found.append(_position(source, before, now))
        done[source.number] = now
        rest -= part.amount_minor
    return [*found, *_by_rates(PositionKind.AMOUNT, order, lines, rest)]


def covered(contents: Sequence[Mapping[str, Any]]) -> dict[int, Covered]:
    """Sum what documents list of each line, by its position, and of shipping."""
    sums: dict[int, Covered] = {}
    for row in (row for content in contents for row in content["lines"]):
        if row["line"] is None:
            continue
        before = sums.get(row["line"], Covered())
        sums[row["line"]] = Covered(
            before.units + row["quantity"],
            before.gross_minor + row["gross_minor"],
            before.tax_minor + row["tax_minor"],
        )
    return sums


def _sources(order: Order, lines: Sequence[OrderLine]) -> list[_Source]:
    is_net = order.tax_added_minor > 0
    goods = [
        _Source(
            number=line.position,
            sku=line.sku,
            name=line.name,
            unit_price_minor=line.unit_price_minor,
            rate_bp=line.tax_rate_bp,
            total_minor=line.total_minor,
            tax_minor=line.tax_minor,
            is_net=is_net,
        )
        for line in lines
    ]
    shipping = _Source(
        number=SHIPPING,
        sku="",
        name=order.shipping_method,
        unit_price_minor=order.shipping_minor,
        rate_bp=order.shipping_tax_rate_bp,
        total_minor=order.shipping_total_minor,
        tax_minor=order.shipping_tax_minor,
        is_net=is_net,
    )
    return [*goods, shipping]


def _targets(
    order: Order, lines: Sequence[OrderLine], parcels: Sequence[Mapping[int, int]]
) -> Iterator[dict[int, tuple[int, int]]]:
    """Yield what may have been paid for in all by now: units and amount by line."""
    sent: dict[int, int] = {}
    counted = {line.position: line.shipped for line in lines}
    steps = []
    for parcel in parcels:
        sent = {key: sent.get(key, 0) + parcel.get(key, 0) for key in counted}
        steps.append(sent)
    # What was sent instead of a line's goods is counted on the line alone.
    is_plain = bool(steps) and steps[-1] == counted
    for units in [*(steps[:-1] if is_plain else ()), counted]:
        if any(units.values()):
            yield _with_shipping(order, {line.position: _sent(line, units) for line in lines})
    kept = {
        line.position: (line.quantity - line.cancelled, line.total_minor - cancelled_share(line))
        for line in lines
    }
    yield _with_shipping(order, kept)
    whole = {line.position: (line.quantity, line.total_minor) for line in lines}
    yield _with_shipping(order, whole)


def _with_shipping(
    order: Order, target: Mapping[int, tuple[int, int]]
) -> dict[int, tuple[int, int]]:
    return {**target, SHIPPING: (1, order.shipping_total_minor)}


def _sent(line: OrderLine, units: Mapping[int, int]) -> tuple[int, int]:
    as_if = copy(line)
    as_if.shipped = units[line.position]
    return as_if.shipped, shipped_share(as_if)


def _take(
    sources: Sequence[_Source],
    done: Mapping[int, Covered],
    target: Mapping[int, tuple[int, int]],
) -> list[Position]:
    """Return what the target holds beyond what is done; what is done beyond it stays done."""
    found = []
    for source in sources:
        before = done.get(source.number, Covered())
        units, gross_minor = target[source.number]
        if gross_minor < before.gross_minor or units < before.units:
            continue
        if (units, gross_minor) == (before.units, before.gross_minor):
            continue
        if source.number == SHIPPING and not gross_minor:
            continue
        found.append(_position(source, before, _at(source, units, gross_minor)))
    return found


def _at(source: _Source, units: int, gross_minor: int) -> Covered:
    """Return the tax of so much of a line; beyond its total, by its rate."""
    if 0 <= gross_minor <= source.total_minor and source.total_minor:
        doubled = 2 * source.tax_minor * gross_minor + source.total_minor
        return Covered(units, gross_minor, doubled // (2 * source.total_minor))
    more = included_tax(gross_minor - source.total_minor, source.rate_bp)
    return Covered(units, gross_minor, source.tax_minor + more)


def _position(source: _Source, before: Covered, now: Covered) -> Position:
    quantity = now.units - before.units
    gross_minor = now.gross_minor - before.gross_minor
    tax_minor = now.tax_minor - before.tax_minor
    net_minor = gross_minor - tax_minor
    priced = net_minor if source.is_net else gross_minor
    return Position(
        kind=PositionKind.GOODS if source.number else PositionKind.SHIPPING,
        line=source.number,
        sku=source.sku,
        name=source.name,
        quantity=quantity,
        unit_price_minor=source.unit_price_minor if quantity else 0,
        discount_minor=quantity * source.unit_price_minor - priced if quantity else 0,
        tax_rate_bp=source.rate_bp,
        net_minor=net_minor,
        tax_minor=tax_minor,
        gross_minor=gross_minor,
    )


def _by_rates(
    kind: PositionKind, order: Order, lines: Sequence[OrderLine], amount_minor: int
) -> list[Position]:
    """Split an amount, which may be negative, over the order's tax rates as its total is."""
    weights: dict[int, int] = {}
    for source in _sources(order, lines):
        weights[source.rate_bp] = weights.get(source.rate_bp, 0) + source.total_minor
    rates = sorted(weights)
    sign = -1 if amount_minor < 0 else 1
    shares = allocate(abs(amount_minor), [weights[rate] for rate in rates])
    return [
        Position(
            kind=kind,
            tax_rate_bp=rate,
            net_minor=sign * (share - included_tax(share, rate)),
            tax_minor=sign * included_tax(share, rate),
            gross_minor=sign * share,
        )
        for rate, share in zip(rates, shares, strict=True)
        if share
    ]
