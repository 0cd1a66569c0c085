"""The worked examples of docs/reference/prices.md."""

from dataclasses import replace

from globalmart.core.money import display
from orders.pricing import (
    Amounts,
    Discount,
    DiscountKind,
    DiscountSource,
    Line,
    Order,
    Rate,
)

WELCOME = Discount(
    source=DiscountSource.VOUCHER,
    kind=DiscountKind.PERCENT,
    name="Welcome: 10 % off",
    code="WELCOME10",
    value=1000,
)
GERMANY = {"standard": 1900, "reduced": 700, "zero": 0}
EUROS = Order(
    lines=(
        Line(sku="BOOK", quantity=2, unit_price_minor=1290, tax_class="reduced"),
        Line(sku="PANEL", quantity=1, unit_price_minor=2499, tax_class="zero"),
        Line(sku="TEAPOT", quantity=1, unit_price_minor=5999, tax_class="standard"),
    ),
    tax_rates=GERMANY,
    tax_included=True,
    shipping=(Rate(amount_minor=495),),
    voucher=WELCOME,
)
YEN = Order(
    lines=(
        Line(sku="CUP", quantity=3, unit_price_minor=1480, tax_class="standard"),
        Line(sku="TEA", quantity=1, unit_price_minor=999, tax_class="reduced"),
    ),
    tax_rates={"standard": 1000, "reduced": 800},
    tax_included=True,
    shipping=(Rate(amount_minor=800, free_from_minor=5000),),
    voucher=replace(
        WELCOME, kind=DiscountKind.AMOUNT, value=500, name="500 yen off", code="YEN500"
    ),
)
DINARS = Order(
    lines=(
        Line(sku="BOWL", quantity=3, unit_price_minor=1250, tax_class="standard"),
        Line(sku="TRAY", quantity=1, unit_price_minor=3990, tax_class="standard"),
    ),
    tax_rates={},
    tax_included=True,
    shipping=(Rate(amount_minor=2000),),
    voucher=replace(WELCOME, value=1500, name="15 % off", code="FIFTEEN"),
    step_minor=10,
)
EXAMPLES: dict[str, tuple[str, Order]] = {
    "Euros, three rates, tax included": ("EUR", EUROS),
    "The same by a list without tax": ("EUR", replace(EUROS, tax_included=False)),
    "Yen, no decimals": ("JPY", YEN),
    "Kuwaiti dinars, three decimals": ("KWD", DINARS),
    "Bahraini dinars by a list without tax": (
        "BHD",
        replace(DINARS, tax_included=False, tax_rates={"standard": 1000}),
    ),
}
HEAD = "| | each | goods | discount | tax rate | tax | pays |\n|---|--:|--:|--:|--:|--:|--:|"


def table(amounts: Amounts, currency: str) -> str:
    """The amounts as the reference shows them."""

    def row(name: str, *cells: str) -> str:
        return f"| {' | '.join((name, *cells))} |"

    def money(minor: int) -> str:
        return display(minor, currency)

    rows = [
        row(
            f"{line.quantity} × {line.sku}",
            money(line.unit_price_minor),
            money(line.quantity * line.unit_price_minor),
            money(line.discount_minor),
            f"{line.tax_rate_bp / 100:g} %",
            money(line.tax_minor),
            money(line.total_minor),
        )
        for line in amounts.lines
    ]
    added = amounts.shipping_tax_minor if amounts.tax_added_minor else 0
    rows.append(
        row(
            "Shipping",
            "",
            money(amounts.shipping_minor),
            money(amounts.shipping_discount_minor),
            f"{amounts.shipping_tax_rate_bp / 100:g} %",
            money(amounts.shipping_tax_minor),
            money(amounts.shipping_minor - amounts.shipping_discount_minor + added),
        )
    )
    rows.append(
        row(
            "**Total**",
            "",
            money(amounts.subtotal_minor + amounts.shipping_minor),
            money(amounts.discount_minor),
            "",
            money(amounts.tax_minor),
            f"**{money(amounts.total_minor)}**",
        )
    )
    return "\n".join([HEAD, *rows])
