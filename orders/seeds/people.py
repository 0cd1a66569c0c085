"""Customers who never were: names of many languages, some far more common than others."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Town, first characters of the postal code, country.
TOWNS = (
    ("London", "SW1Y 4JH", "GB"),
    ("Manchester", "M1 4BT", "GB"),
    ("Bristol", "BS1 5TR", "GB"),
    ("Edinburgh", "EH1 1YZ", "GB"),
    ("Leeds", "LS1 4DY", "GB"),
    ("Berlin", "10117", "DE"),
    ("München", "80331", "DE"),
    ("Köln", "50667", "DE"),
    ("Paris", "75002", "FR"),
    ("Lyon", "69002", "FR"),
    ("Madrid", "28013", "ES"),
    ("Málaga", "29015", "ES"),
    ("Roma", "00184", "IT"),
    ("Kraków", "31-001", "PL"),
    ("Amsterdam", "1012 JS", "NL"),
    ("København", "1050", "DK"),
    ("Dublin", "D02 X285", "IE"),
    ("Wien", "1010", "AT"),
)
STREETS = ("High Street", "Station Road", "Mill Lane", "Church Walk", "Market Square", "Park View")
CODES = {"GB": "447", "DE": "491", "FR": "336", "ES": "346", "IT": "393", "PL": "485"}
CODES |= {"NL": "316", "DK": "452", "IE": "353", "AT": "436"}
MAILBOXES = ("example.com", "example.org", "example.net", "mail.example", "post.example")
# Each third order or so is a known customer's.
ORDERS_PER_PERSON = 3
_SPREAD = 2_654_435_761  # Knuth's: neighbours get far-off places
_DRAWS = 4096


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an address; `phone` is E.164."""

    name: str
    email: str
    phone: str
    address: dict[str, str]


def _common_first(names: Sequence[str]) -> list[str]:
    """Return names to draw from, the n-th about 1 / (n + 5) as often as the next ones."""
    weights = [1 / (place + 5) for place in range(len(names))]
    scale = _DRAWS / sum(weights)
    drawn = [
        name
        for name, weight in zip(names, weights, strict=True)
        for _ in range(max(1, round(weight * scale)))
    ]
    return drawn


def _read(name: str) -> list[str]:
    """Return names that stand in a file, the most common ones first."""
    return Path(__file__).with_name(name).read_text(encoding="utf-8").split()


_FIRST, _LAST = _common_first(_read("first_names.txt")), _common_first(_read("last_names.txt"))


def person(number: int) -> Person:
    """Return the person with this number: the same each time."""
    draw = number * _SPREAD
    first = _FIRST[(draw >> 7) % len(_FIRST)]
    last = _LAST[(draw >> 19) % len(_LAST)]
    town, postal_code, country = TOWNS[(draw >> 11) % len(TOWNS)]
    name = f"{first} {last}"
    local = f"{first}.{last}{number}".lower().replace("'", "")
    digits = draw % 10**8 + 10**8
    address = {
        "name": name,
        "line1": f"{1 + number % 180} {STREETS[(draw >> 5) % len(STREETS)]}",
        "line2": "",
        "city": town,
        "region": "",
        "postal_code": postal_code,
        "country": country,
        "company": "",
    }
    email = f"{local}@{MAILBOXES[number % len(MAILBOXES)]}"
    return Person(name, plain(email), f"+{CODES[country]}{digits}", address)


_LETTERS = str.maketrans(
    "áàâäåãąçćčďéèêëęěíîïłńñňóôöøõőřśšťúůüûýžźżæœßāēīūģķļņ",
    "aaaaaaacccdeeeeeeiiilnnnoooooorsstuuuuyzzzaosaeiugkln",
)


def plain(text: str) -> str:
    """Return a text as people write it in an e-mail address."""
    return text.translate(_LETTERS)
