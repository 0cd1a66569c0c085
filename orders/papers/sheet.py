"""An invoice, a credit note or a reversal on A4: letterhead, addresses, table, taxes, note."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from babel.dates import format_date
from babel.numbers import format_percent
from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from globalmart.core.money import display
from orders.addresses import country_name
from orders.papers import typeface
from orders.papers.words import ENGLISH, LANGUAGES, Words

MARGIN = 20
WIDTH = 210 - 2 * MARGIN
# Points; nobody reads less.
SMALLEST = 5
INK, SOFT, ACCENT, HAIR = (22, 26, 34), (96, 104, 118), (11, 107, 93), (222, 226, 233)
# Item, quantity, unit price, discount, tax rate, amount; millimetres.
COLUMNS = (70, 14, 25, 23, 13, 25)


def render(content: Mapping[str, Any]) -> bytes:
    """Return the PDF of a document's content. Nothing else is read, and the clock is not: the
    same content and fonts give the same bytes."""
    words = LANGUAGES.get(content["language"], ENGLISH)
    sheet = _Sheet(content, words)
    sheet.add_page()
    sheet.write_addresses()
    sheet.write_table()
    sheet.write_sums()
    sheet.write_note()
    return bytes(sheet.output())


class _Sheet(FPDF):
    def __init__(self, content: Mapping[str, Any], words: Words) -> None:
        super().__init__(format="A4")
        self.content, self.words, self.lacks = content, words, False
        self.title_text = words.titles[content["kind"]]
        self.set_creation_date(datetime.fromisoformat(content["issued_at"]))
        self.set_title(f"{self.title_text} {content['number']}")
        self.set_author(content["seller"]["name"])
        self.set_lang(content["language"])
        self.set_producer("GlobalMart OMS")
        self.set_margins(MARGIN, 18)
        self.set_auto_page_break(True, 28)
        self.c_margin = 0
        typeface.load(self)

    def header(self) -> None:
        """The seller on every page, and what this is."""
        seller = self.content["seller"]
        self.set_fill_color(*ACCENT)
        self.rect(0, 0, 210, 3, style="F")
        self.set_xy(MARGIN, 14)
        self._say(seller["name"], size=15, bold=True, width=100)
        self.set_xy(MARGIN + 90, 14)
        self._say(self.title_text, size=11, color=SOFT, width=WIDTH - 90, align="R")
        self.set_xy(MARGIN, 22)
        country = country_name(seller["country"], self.words.locale)
        parts = [*seller["address"].splitlines(), country]
        self._say(" · ".join(filter(None, parts)), size=8, color=SOFT)
        self.set_draw_color(*HAIR)
        self.line(MARGIN, 29, 210 - MARGIN, 29)
        self.set_y(36)

    def footer(self) -> None:
        """The page, and what the tax office wants to see on each."""
        seller, words = self.content["seller"], self.words
        self.set_y(-20)
        self.set_draw_color(*HAIR)
        self.line(MARGIN, self.get_y(), 210 - MARGIN, self.get_y())
        self.set_y(-17)
        number = words.tax_number.format(seller["tax_number"]) if seller["tax_number"] else ""
        parts = filter(None, [seller["name"], number, seller["email"]])
        self._say(" · ".join(parts), size=7.5, color=SOFT, width=120)
        self.set_xy(MARGIN + 120, -17)
        page = f"{self.content['number']} · {words.page.format(self.page_no(), '{nb}')}"
        self._say(page, size=7.5, color=SOFT, width=WIDTH - 120, align="R")

    def write_addresses(self) -> None:
        """Who pays, where it went, and the numbers."""
        content, words, top = self.content, self.words, self.get_y()
        buyer = content["buyer"]
        for line in self._address(buyer["billing"]):
            self._say(line, size=10, width=90, wraps=True)
            self.set_x(MARGIN)
        if buyer["shipping"] != buyer["billing"]:
            self.ln(3)
            self._say(words.sent_to, size=8, color=SOFT, width=90)
            self.ln(4)
            self._say(", ".join(self._address(buyer["shipping"])), size=8.5, width=85, wraps=True)
        bottom = self.get_y()
        self.set_y(top)
        for label, value in self._facts():
            self.set_x(MARGIN + 105)
            self._say(label, size=8.5, color=SOFT, width=25)
            self._say(value, size=8.5, width=WIDTH - 130, align="R")
            self.ln(5)
        self.set_y(max(bottom, self.get_y()) + 10)
        self._say(f"{self.title_text} {content['number']}", size=16, bold=True)
        self.ln(12)

    def _facts(self) -> list[tuple[str, str]]:
        content, words = self.content, self.words
        facts = [
            (words.number, content["number"]),
            (words.date, self._day(content["issued_at"])),
            (words.order, content["order"]["number"]),
            (words.ordered_on, self._day(content["order"]["placed_on"])),
        ]
        if content["refers_to"]:
            facts.append((words.refers_to, content["refers_to"]))
        return facts

    def write_table(self) -> None:
        """A row for each position; the heading stands on each page."""
        words = self.words
        priced = words.net if self.content["is_net"] else words.gross
        self._style(8.5)
        self.set_draw_color(*HAIR)
        with self.table(
            col_widths=COLUMNS,
            text_align=("LEFT", "RIGHT", "RIGHT", "RIGHT", "RIGHT", "RIGHT"),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD", color=SOFT, size_pt=8),
            line_height=4.6,
            padding=(1.6, 1, 1.6, 0),
            first_row_as_headings=True,
        ) as table:
            table.row((words.item, words.quantity, words.price, words.discount, words.tax, priced))
            for each in self.content["lines"]:
                table.row(self._cells(each))
        self.ln(4)

    def _cells(self, each: Mapping[str, Any]) -> Sequence[str]:
        name = {
            "goods": f"{each['name']}\n{each['sku']}",
            "shipping": self.words.shipping.format(each["name"]),
            "balance": self.words.balance,
            "amount": self.words.amount,
        }[each["kind"]]
        amount = each["net_minor"] if self.content["is_net"] else each["gross_minor"]
        return (
            self._print(name),
            str(each["quantity"]) if each["quantity"] else "",
            self._money(each["unit_price_minor"]) if each["quantity"] else "",
            self._money(-each["discount_minor"]) if each["discount_minor"] else "",
            self._rate(each["tax_rate_bp"]),
            self._money(amount),
        )

    def write_sums(self) -> None:
        """Net, the tax of each rate, and the total; kept together."""
        content, words = self.content, self.words
        if self.will_page_break(6 * (len(content["taxes"]) + 3) + 14):
            self.add_page()
        self._sum(words.net_total, content["net_minor"])
        for tax in content["taxes"]:
            label = words.at_rate.format(
                self._rate(tax["tax_rate_bp"]), self._money(tax["net_minor"])
            )
            self._sum(label, tax["tax_minor"])
        self.ln(1)
        self.set_draw_color(*INK)
        self.line(MARGIN + 85, self.get_y(), 210 - MARGIN, self.get_y())
        self.ln(2)
        self._sum(words.total, content["gross_minor"], bold=True)

    def write_note(self) -> None:
        """What became of the money."""
        content, words = self.content, self.words
        self.ln(8)
        note = words.notes[content["kind"]].format(self._day(content["paid_on"]))
        kind = words.is_net if content["is_net"] else words.is_gross
        texts = [note, kind, words.unprintable if self.lacks else ""]
        self._say(" ".join(filter(None, texts)), size=8.5, color=SOFT, wraps=True)

    def _sum(self, label: str, amount_minor: int, *, bold: bool = False) -> None:
        size = 11 if bold else 9
        self.set_x(MARGIN + 85)
        self._say(label, size=size, bold=bold, color=INK if bold else SOFT, width=WIDTH - 120)
        self._say(self._money(amount_minor), size=size, bold=bold, width=35, align="R")
        self.ln(7 if bold else 5.5)

    def _say(
        self,
        text: str,
        *,
        size: float,
        bold: bool = False,
        color: tuple[int, int, int] = INK,
        width: float = WIDTH,
        align: str = "L",
        wraps: bool = False,
    ) -> None:
        text = self._print(text)
        self._style(size, bold=bold, color=color)
        if wraps:
            self.multi_cell(width, size * 0.5, text, align=align)
            return
        # Beside it stands something else: what is too long is set smaller.
        while size > SMALLEST and self.get_string_width(text) > width:
            size -= 0.5
            self.set_font_size(size)
        self.cell(width, 5, text, align=align)

    def _style(self, size: float, *, bold: bool = False, color: tuple[int, int, int] = INK) -> None:
        self.set_font(typeface.FAMILY, "B" if bold else "", size)
        self.set_text_color(*color)

    def _print(self, text: str) -> str:
        """Return what the fonts can print of a text; remember where they could not."""
        lines = [typeface.printable(line) for line in text.split("\n")]
        found = "\n".join(lines)
        self.lacks = self.lacks or found != text
        return found

    def _money(self, amount_minor: int) -> str:
        return display(amount_minor, self.content["currency"], self.words.locale)

    def _rate(self, rate_bp: int) -> str:
        return str(format_percent(rate_bp / 10_000, "#,##0.##%", locale=self.words.locale))

    def _day(self, text: str) -> str:
        return str(
            format_date(date.fromisoformat(text[:10]), "d MMMM y", locale=self.words.locale)
            if self.words.locale == "en_GB"
            else format_date(date.fromisoformat(text[:10]), "dd.MM.y", locale=self.words.locale)
        )

    def _address(self, address: Mapping[str, str]) -> list[str]:
        town = f"{address.get('postal_code', '')} {address.get('city', '')}".strip()
        lines = [address.get(name, "") for name in ("name", "company", "line1", "line2")]
        country = country_name(address.get("country", ""), self.words.locale)
        return [line for line in [*lines, town, address.get("region", ""), country] if line]
