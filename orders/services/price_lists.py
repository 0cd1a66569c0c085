"""The list of prices by which the shop sells in a currency."""

from orders.models import PriceList


def ensure_default_list(*, currency: str) -> PriceList:
    """Return the currency's default list; where there is none, make one with tax in its prices."""
    found, _ = PriceList.objects.get_or_create(
        currency=currency,
        is_default=True,
        defaults={"code": currency.lower(), "name": f"Shop prices in {currency}"},
    )
    return found
