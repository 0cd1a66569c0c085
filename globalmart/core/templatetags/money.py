from django import template

from globalmart.core import money

register = template.Library()


@register.filter(name="money")
def show(amount_minor: int, currency: str) -> str:
    """Write minor units for people: {{ order.total_minor|money:order.currency }}."""
    return money.display(amount_minor, currency)
