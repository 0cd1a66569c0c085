"""What a picture is made of: numbers that follow from a text, and inks that go together."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

# Backdrop, then three inks from light to dark; a category keeps to one family of them.
PALETTES = (
    ("#f4e9dc", "#e2b48c", "#c4703f", "#6d3217"),
    ("#e3ecf4", "#9fbfd8", "#4d7fa8", "#1e3f5f"),
    ("#e8efe2", "#b2ca9b", "#6f9455", "#2f4d24"),
    ("#f6e4e4", "#e3a5a8", "#b9565f", "#64222b"),
    ("#ece6f3", "#c0acd9", "#7f63a8", "#3c2860"),
    ("#f7efd5", "#e8cc79", "#bf962a", "#65490b"),
    ("#dff0ee", "#92cbc4", "#3f938a", "#124a46"),
    ("#f0ebe6", "#c9b8a8", "#8a7461", "#40332a"),
)


class Dice:
    """Numbers that follow from a text, one after the other."""

    def __init__(self, text: str) -> None:
        self._bytes = self._stream(text)

    @staticmethod
    def _stream(text: str) -> Iterator[int]:
        block = hashlib.sha256(text.encode()).digest()
        while True:
            yield from block
            block = hashlib.sha256(block).digest()

    def between(self, low: int, high: int) -> int:
        """Return a whole number from low to high, both included."""
        value = next(self._bytes) << 8 | next(self._bytes)
        return low + value % (high - low + 1)


@dataclass(frozen=True, slots=True)
class Inks:
    backdrop: str
    light: str
    middle: str
    dark: str


Motif = Callable[[Dice, Inks], str]
