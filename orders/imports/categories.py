"""The shelf an imported product stands on, guessed from words of its description."""

import re
from typing import NamedTuple


class Shelf(NamedTuple):
    slug: str
    name: str
    words: str


# The first that fits wins, so the narrow ones come first.
SHELVES = (
    Shelf("christmas", "Christmas", "christmas|xmas|advent|reindeer|snow\\w*|santa|bauble\\w*"),
    Shelf("bags-travel", "Bags & Travel", "bag|bags|rucksack|backpack|purse|handbag|suitcase"),
    Shelf(
        "kitchen-dining",
        "Kitchen & Dining",
        "mug|mugs|cup|cups|bowl|plate|plates|teapot|tea|coffee|cake|cakestand|cutlery|jar|jug|"
        "spoon|kitchen|napkins|baking|recipe|lunch|bottle|tray|coaster\\w*|apron|glass|bread|egg",
    ),
    Shelf("candles-lights", "Candles & Lights", "candle\\w*|t-light|light|lights|lantern\\w*|lamp"),
    Shelf(
        "garden-outdoors",
        "Garden & Outdoors",
        "garden\\w*|planter|seed\\w*|bird\\w*|flower pot|watering|herb\\w*",
    ),
    Shelf(
        "paper-gift-wrap",
        "Paper & Gift Wrap",
        "wrap|card|cards|paper|notebook|pencil\\w*|ribbon\\w*|gift|tag|tags|journal|pen|stickers",
    ),
    Shelf("children", "Children", "child\\w*|kids|toy|toys|doll\\w*|puzzle\\w*|baby|dinosaur|game"),
    Shelf("jewellery", "Jewellery", "necklace|bracelet|earring\\w*|ring|brooch|bangle|hair\\w*"),
)
OTHER = Shelf("home-decoration", "Home & Decoration", "")
_PATTERNS = tuple((shelf, re.compile(rf"\b({shelf.words})\b")) for shelf in SHELVES)


def guess_shelf(*, description: str) -> Shelf:
    """Return the shelf for a description; Home & Decoration where no word tells."""
    text = description.lower()
    for shelf, pattern in _PATTERNS:
        if pattern.search(text):
            return shelf
    return OTHER
