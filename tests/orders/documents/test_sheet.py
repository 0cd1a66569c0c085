"""The PDF says what the content says, in the same bytes each time."""

import re
from typing import Any

import pytest
from fpdf import FPDF

from orders.papers import render, typeface
from orders.services.documents import AMOUNTS, _taxes

LONDON = {
    "name": "Žaneta Øster",
    "line1": "12 St James's Square",
    "city": "London",
    "postal_code": "SW1Y 4JH",
    "country": "GB",
}


def row(number: int, **changes: object) -> dict[str, Any]:
    return {
        "kind": "goods",
        "line": number,
        "sku": f"SKU-{number}",
        "name": f"Thing {number}",
        "quantity": 2,
        "unit_price_minor": 1000,
        "discount_minor": 200,
        "tax_rate_bp": 2000,
        "net_minor": 1500,
        "tax_minor": 300,
        "gross_minor": 1800,
        **changes,
    }


def content(count: int = 1, **changes: object) -> dict[str, Any]:
    lines = [row(number) for number in range(1, count + 1)]
    return {
        "version": 1,
        "kind": "invoice",
        "number": "INV-2026-000042",
        "issued_at": "2026-11-23T01:02:03+00:00",
        "refers_to": "",
        "language": "en",
        "currency": "GBP",
        "seller": {
            "name": "GlobalMart Ltd",
            "address": "1 Wharf Road\nLondon",
            "country": "GB",
            "tax_number": "GB 123",
            "email": "",
        },
        "buyer": {"name": "Žaneta Øster", "billing": LONDON, "shipping": LONDON},
        "order": {"number": "GM-7K3Q9-F2D1X", "placed_on": "2026-11-20"},
        "is_net": False,
        "lines": lines,
        "taxes": _taxes(lines),
        **{name: sum(each[name] for each in lines) for name in AMOUNTS},
        "paid_on": "2026-11-23",
        **changes,
    }


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every text that is put on the paper, as the fonts can print it."""
    found: list[str] = []
    known = typeface.printable

    def printable(text: str) -> str:
        found.append(known(text))
        return found[-1]

    monkeypatch.setattr(typeface, "printable", printable)
    return found


def test_is_the_same_each_time() -> None:
    assert render(content()) == render(content())
    assert render(content()).startswith(b"%PDF-")
    assert render(content()) != render(content(number="INV-2026-000043"))


def test_says_all_that_must_be_on_an_invoice(printed: list[str]) -> None:
    render(content())

    text = "\n".join(printed)
    for words in (
        "GlobalMart Ltd",
        "Tax number GB 123",
        "Žaneta Øster",
        "Invoice INV-2026-000042",
        "23 November 2026",
        "GM-7K3Q9-F2D1X",
        "Thing 1",
    ):
        assert words in text
    assert "20% tax on £15.00" in text


def test_speaks_german_and_knows_yen(printed: list[str]) -> None:
    render(content(language="de", currency="JPY", kind="credit_note", refers_to="INV-1"))

    text = "\n".join(printed)
    assert "Rechnungskorrektur" in text
    assert "23.11.2026" in text


def test_numbers_its_pages(printed: list[str]) -> None:
    pdf = render(content(60))

    assert len(re.findall(rb"/Type /Page\b", pdf)) == 4
    assert sum("Page 4 of" in text for text in printed) == 1


def test_owns_up_to_what_it_cannot_print(printed: list[str]) -> None:
    render(
        content(buyer={"name": "日本", "billing": {**LONDON, "name": "日本"}, "shipping": LONDON})
    )

    assert typeface.MISSING * 2 in printed
    assert any("Characters that this document's typeface lacks" in text for text in printed)


def test_lets_nothing_run_into_what_stands_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = FPDF.cell
    wide: list[str] = []

    def cell(sheet: FPDF, width: float, height: float, text: str = "", **more: str) -> bool:
        wide.extend([text] if sheet.get_string_width(text) > width else [])
        return bool(plain(sheet, width, height, text, **more))

    monkeypatch.setattr(FPDF, "cell", cell)
    seller = content()["seller"] | {"name": "GlobalMart Retail and Wholesale International Ltd"}
    billing = LONDON | {"name": "Wolfeschlegelsteinhausenbergerdorff " * 3, "line1": "W" * 80}
    render(content(seller=seller, buyer={"name": "", "billing": billing, "shipping": LONDON}))

    assert wide == []
