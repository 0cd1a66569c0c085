"""The label of a return: a QR code with the numbers and the address, as SVG and as PDF."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import segno
from fpdf import FPDF

from orders.papers import typeface

INK, SOFT, HAIR = (22, 26, 34), (96, 104, 118), (222, 226, 233)
QR_MM = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a label says; the code carries all of it."""

    rma: str
    order: str
    address: tuple[str, ...]
    made_at: datetime

    @property
    def code(self) -> str:
        """The text of the QR code: number of the return, of the order, then the address."""
        return "\n".join((self.rma, self.order, *self.address))


def draw_code(label: Label) -> str:
    """Return the QR code as an SVG element, dark on white in every scheme, for a page."""
    drawn: str = segno.make(label.code, error="m").svg_inline(
        scale=4, border=2, dark="#161a22", light="#ffffff", omitsize=True, svgclass="qr"
    )
    return drawn


def print_label(label: Label, items: Sequence[tuple[int, str]]) -> bytes:
    """Return the label as PDF on A4, to be cut or folded: upper half for outside, lower half for
    inside the parcel. The same label gives the same bytes."""
    sheet = FPDF(format="A4")
    sheet.set_creation_date(label.made_at)
    sheet.set_title(f"Return {label.rma}")
    sheet.set_producer("GlobalMart OMS")
    sheet.set_lang("en")
    sheet.set_margins(20, 20)
    typeface.load(sheet)
    sheet.add_page()
    _write_outside(sheet, label)
    _write_inside(sheet, label, items)
    return bytes(sheet.output())


def _write_outside(sheet: FPDF, label: Label) -> None:
    sheet.set_draw_color(*INK)
    sheet.set_line_width(0.6)
    sheet.rect(20, 20, 170, 100)
    _say(sheet, "To", at=(28, 28), size=9, color=SOFT)
    for place, line in enumerate(label.address):
        _say(sheet, line, at=(28, 34 + 9 * place), size=17, bold=place == 0)
    picture = BytesIO()
    segno.make(label.code, error="m").save(picture, kind="png", scale=10, border=2)
    sheet.image(picture, x=134, y=26, w=QR_MM, alt_text=f"QR code of return {label.rma}")
    sheet.set_line_width(0.2)
    sheet.line(20, 82, 190, 82)
    _say(sheet, "Return", at=(28, 87), size=9, color=SOFT)
    _say(sheet, label.rma, at=(28, 92), size=26, bold=True)
    _say(sheet, f"Order {label.order}", at=(28, 106), size=11)


def _write_inside(sheet: FPDF, label: Label, items: Sequence[tuple[int, str]]) -> None:
    sheet.set_draw_color(*HAIR)
    sheet.set_dash_pattern(dash=2, gap=2)
    sheet.line(0, 148.5, 210, 148.5)
    sheet.set_dash_pattern()
    hint = "Stick the upper half on your parcel, and put this half into it."
    _say(sheet, hint, at=(20, 156), size=10, color=SOFT)
    _say(sheet, f"Return {label.rma}", at=(20, 166), size=16, bold=True)
    _say(sheet, f"Order {label.order}", at=(20, 174), size=11)
    sheet.set_y(184)
    for quantity, name in items:
        sheet.set_font(typeface.FAMILY, "", 11)
        sheet.set_text_color(*INK)
        sheet.set_x(20)
        sheet.multi_cell(170, 7, typeface.printable(f"{quantity} × {name}"), align="L")


def _say(
    sheet: FPDF,
    text: str,
    *,
    at: tuple[float, float],
    size: float,
    bold: bool = False,
    color: tuple[int, int, int] = INK,
) -> None:
    sheet.set_font(typeface.FAMILY, "B" if bold else "", size)
    sheet.set_text_color(*color)
    sheet.set_xy(*at)
    sheet.cell(100, size * 0.42, typeface.printable(text))
