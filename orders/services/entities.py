"""Which legal entity sells an order."""

from orders.models import LegalEntity, Order

FIRST = {
    "name": "GlobalMart",
    "country": "GB",
    "invoice_prefix": "INV-",
    "credit_note_prefix": "CN-",
    "reversal_prefix": "CR-",
}


def seller_of(order: Order) -> LegalEntity:
    """Return the entity that names the country the order is sent to, else the default one."""
    country = order.shipping_address.get("country", "")
    named = LegalEntity.objects.filter(countries__contains=[country]).order_by("pk").first()
    return named or default_seller()


def default_seller() -> LegalEntity:
    """Return the entity that sells where no other is named.

    Where none is the default it is the oldest one, and a house that has none gets a plain one:
    money that was taken needs its invoice. Staff complete it before they sell; see
    docs/reference/documents.md.
    """
    default = LegalEntity.objects.order_by("-is_default", "pk").first()
    if default is not None:
        return default
    made, _ = LegalEntity.objects.get_or_create(code="main", defaults={**FIRST, "is_default": True})
    return made
