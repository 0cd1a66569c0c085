"""Tax and shipping rates of the demo, in basis points and minor units.

Value added tax of the United Kingdom and the member states of the European Union: the standard
rate and the first reduced one. They serve the demo; a real shop checks its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

# country: (standard, reduced)
TAX: Mapping[str, tuple[int, int]] = {
    "AT": (2000, 1000),
    "BE": (2100, 600),
    "BG": (2000, 900),
    "CY": (1900, 500),
    "CZ": (2100, 1200),
    "DE": (1900, 700),
    "DK": (2500, 2500),
    "EE": (2400, 900),
    "ES": (2100, 1000),
    "FI": (2550, 1400),
    "FR": (2000, 550),
    "GB": (2000, 500),
    "GR": (2400, 1300),
    "HR": (2500, 1300),
    "HU": (2700, 1800),
    "IE": (2300, 1350),
    "IT": (2200, 1000),
    "LT": (2100, 900),
    "LU": (1700, 800),
    "LV": (2100, 1200),
    "MT": (1800, 500),
    "NL": (2100, 900),
    "PL": (2300, 800),
    "PT": (2300, 600),
    "RO": (2100, 1100),
    "SE": (2500, 1200),
    "SI": (2200, 950),
    "SK": (2300, 1900),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedMethod:
    """A way to ship; `rates` gives (price, free from) in minor units per currency."""

    code: str
    name: str
    days: tuple[int, int]
    rates: Mapping[str, tuple[int, int | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeedZoneRate:
    """What a way to ship costs to a zone, in minor units per currency, from a weight on, and below
    another (grams; 0 and None: from nothing, and however heavy)."""

    method: str
    zone: str
    amounts: Mapping[str, int]
    weight_from: int = 0
    weight_below: int | None = None


METHODS = (
    SeedMethod(
        code="standard",
        name="Standard delivery",
        days=(2, 4),
        rates={"GBP": (395, 5000), "EUR": (495, 6000)},
    ),
    SeedMethod(
        code="express",
        name="Express delivery",
        days=(1, 1),
        rates={"GBP": (795, None), "EUR": (995, None)},
    ),
)

# code: (name, countries). Everywhere else the rates of METHODS hold.
ZONES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "europe": ("European Union", tuple(country for country in TAX if country != "GB")),
    "overseas": ("Overseas", ("AU", "CA", "JP", "NZ", "SG", "US", "ZA")),
}
HEAVY = 5_000
ZONE_RATES = (
    SeedZoneRate(
        method="standard",
        zone="europe",
        amounts={"GBP": 895, "EUR": 695},
        weight_below=HEAVY,
    ),
    SeedZoneRate(
        method="standard",
        zone="europe",
        amounts={"GBP": 1695, "EUR": 1395},
        weight_from=HEAVY,
    ),
    SeedZoneRate(
        method="express",
        zone="europe",
        amounts={"GBP": 1995, "EUR": 1695},
    ),
    SeedZoneRate(
        method="standard",
        zone="overseas",
        amounts={"GBP": 1995, "EUR": 2295},
        weight_below=HEAVY,
    ),
    SeedZoneRate(
        method="standard",
        zone="overseas",
        amounts={"GBP": 4995, "EUR": 5695},
        weight_from=HEAVY,
    ),
)
