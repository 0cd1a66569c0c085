"""The typeface of documents: Noto Sans (SIL Open Font License, fonts/OFL.txt) for Latin, Greek and
Cyrillic, cut down to those; and for other scripts a font of the operator's.
"""

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from fpdf import FPDF

FONTS = Path(__file__).parent / "fonts"
FAMILY, OTHER = "noto", "other"
MISSING = "\N{REPLACEMENT CHARACTER}"


def load(pdf: FPDF) -> None:
    """Give the document its typeface, and the operator's font for what that lacks."""
    pdf.add_font(FAMILY, "", FONTS / "NotoSans-Regular.ttf")
    pdf.add_font(FAMILY, "B", FONTS / "NotoSans-Bold.ttf")
    if settings.DOCUMENT_FONT:
        pdf.add_font(OTHER, "", settings.DOCUMENT_FONT)
        pdf.set_fallback_fonts([OTHER], exact_match=False)


def printable(text: str) -> str:
    """Return the text with a box for each character that no font has."""
    known = _known(settings.DOCUMENT_FONT)
    return "".join(each if ord(each) in known else MISSING for each in text)


@lru_cache(maxsize=4)
def _known(other: str) -> frozenset[int]:
    """The characters that can be printed, by code point."""
    paths: Iterable[str | Path] = [FONTS / "NotoSans-Regular.ttf", *([other] if other else [])]
    return frozenset(code for path in paths for code in _codes(path))


def _codes(path: str | Path) -> Iterable[int]:
    with TTFont(path, fontNumber=0, lazy=True) as font:
        return tuple(font.getBestCmap())
