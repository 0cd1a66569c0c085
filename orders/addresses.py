"""Countries by name, and what an address needs in each."""

import re
from functools import lru_cache

from babel import Locale

TERRITORY = re.compile(r"[A-Z]{2}")
# Territories of CLDR that are no postal destination of their own.
NOT_A_DESTINATION = frozenset(
    {"AQ", "BV", "EU", "EZ", "HM", "QO", "TF", "UM", "UN", "XA", "XB", "ZZ"}
)
# Where letters go without a postal code (Universal Postal Union); elsewhere one is asked for.
_WITHOUT = (
    "AE AG AO AW BF BI BJ BO BS BW BZ CD CF CG CI CK CM CW DJ DM ER FJ GA GD GH GM GQ GY HK "
    "JM KI KM KN KP LY ML MO MR MW NR NU PA QA RW SB SC SL SR ST SX SY TD TG TK TL TO TV UG "
    "VU YE ZW"
)
WITHOUT_POSTCODE = frozenset(_WITHOUT.split())
GB_POSTCODE = re.compile(r"(GIR|[A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][A-Z]{2})")


class BadPostcode(ValueError):
    """The postcode cannot be one of that country."""


@lru_cache(maxsize=8)
def list_countries(locale: str = "en_GB") -> tuple[tuple[str, str], ...]:
    """Return (ISO 3166 code, name) of every destination, by name."""
    names = Locale.parse(locale).territories
    countries = [
        (code, name)
        for code, name in names.items()
        if TERRITORY.fullmatch(code) and code not in NOT_A_DESTINATION
    ]
    return tuple(sorted(countries, key=lambda country: country[1]))


def country_name(code: str, locale: str = "en_GB") -> str:
    """Return the name of a country, or its code when it has none."""
    return Locale.parse(locale).territories.get(code, code)


def needs_postcode(country: str) -> bool:
    """Tell whether addresses in this country carry a postal code."""
    return country not in WITHOUT_POSTCODE


def clean_postcode(text: str, country: str) -> str:
    """Return a postcode in its usual spelling. Raises BadPostcode."""
    code = " ".join(text.upper().split())
    if country != "GB" or not code:
        return code
    match = GB_POSTCODE.fullmatch(re.sub(r"[^A-Z0-9]", "", code))
    if match is None:
        raise BadPostcode(text)
    return f"{match[1]} {match[2]}"
