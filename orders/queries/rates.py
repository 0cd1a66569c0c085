"""What shipping costs, as customers are shown it."""

from orders.models import ShippingMethod
from orders.pricing import NoRateFits, shipping_price
from orders.queries.terms import shipping_rates


def list_shipping_prices(
    *, currency: str, country: str, region: str = "", weight_grams: int, goods_minor: int
) -> list[tuple[ShippingMethod, int]]:
    """Return the ways to ship such goods to an address, each with its price, in display order.

    Money in minor units, weights in grams.
    """
    found = shipping_rates(currency=currency, country=country, region=region)
    methods = ShippingMethod.objects.in_bulk(list(found), field_name="code")
    prices = []
    for code, rates in found.items():
        try:
            price = shipping_price(rates, weight_grams=weight_grams, goods_minor=goods_minor)
        except NoRateFits:
            continue
        prices.append((methods[code], price))
    return prices
