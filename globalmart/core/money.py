"""Money is an integer of minor units beside a currency code. No float, no decimal arithmetic."""

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache

from babel.numbers import format_currency, get_currency_precision

# Those of which CLDR shows three decimals.
THREE_DECIMALS = ("BHD", "JOD", "KWD", "LYD", "OMR", "TND")
# The least that Stripe charges, where it says one (docs.stripe.com/currencies), in minor units.
LEAST_CHARGES = {
    "AED": 200, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "CZK": 1500, "DKK": 250, "EUR": 50,
    "GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 50, "MXN": 1000, "MYR": 200,
    "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50, "THB": 1000, "USD": 50,
}  # fmt: skip


@lru_cache
def minor_digits(currency: str) -> int:
    """Return how many decimals a currency has (ISO 4217 through CLDR): GBP 2, JPY 0, KWD 3."""
    return int(get_currency_precision(currency))


def charge_step(currency: str) -> int:
    """Return the smallest amount that can be charged, in minor units: 1, or 10 of a currency with
    three decimals, of which card networks carry two (docs.stripe.com/currencies)."""
    return 10 if currency in THREE_DECIMALS else 1


def least_charge(currency: str) -> int:
    """Return the least that can be charged at once, in minor units."""
    return LEAST_CHARGES.get(currency, charge_step(currency))


def display(amount_minor: int, currency: str, locale: str = "en_GB") -> str:
    """Return an amount for people, as £12.50."""
    amount = Decimal(amount_minor).scaleb(-minor_digits(currency))
    return format_currency(amount, currency, locale=locale)


def included_tax(gross_minor: int, rate_bp: int) -> int:
    """Return the tax inside a gross amount, in minor units, rounded half up.

    gross = net + net x rate, so tax = gross x rate / (1 + rate), with the rate in basis points.
    """
    divisor = 10_000 + rate_bp
    return (2 * gross_minor * rate_bp + divisor) // (2 * divisor)


def added_tax(net_minor: int, rate_bp: int, step_minor: int = 1) -> int:
    """Return the tax on a net amount, rounded half up to a multiple of `step_minor`."""
    return proportion(net_minor, rate_bp, step_minor)


def proportion(amount_minor: int, rate_bp: int, step_minor: int = 1) -> int:
    """Return so many basis points of an amount, rounded half up to a multiple of `step_minor`."""
    divisor = 10_000 * step_minor
    return (2 * amount_minor * rate_bp + divisor) // (2 * divisor) * step_minor


def allocate(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split a non-negative amount by weights so that the parts sum to it exactly.

    Largest remainders get the left-over units, the earlier part first on a tie (Hamilton's
    method). With all weights zero everything goes to the first part.
    Raises ValueError without weights, or with a negative amount or weight.
    """
    if not weights or amount_minor < 0 or min(weights) < 0:
        raise ValueError("allocate needs weights, and nothing negative")
    total = sum(weights)
    if total == 0:
        return [amount_minor, *[0] * (len(weights) - 1)]
    parts = [amount_minor * weight // total for weight in weights]
    remainders = [amount_minor * weight % total for weight in weights]
    left = amount_minor - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda place: (-remainders[place], place))
    for place in by_remainder[:left]:
        parts[place] += 1
    return parts
