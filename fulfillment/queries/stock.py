"""What can be sold."""

from collections.abc import Iterable

from django.db.models import F, QuerySet, Sum

from fulfillment.models import Stock


def available(skus: Iterable[str]) -> dict[str, int]:
    """Return how many units of each SKU can be sold, over active warehouses; 0 if unknown."""
    wanted = list(skus)
    rows = Stock.objects.filter(sku__in=wanted, warehouse__is_active=True).values("sku")
    found = rows.annotate(left=Sum(F("on_hand") - F("reserved"))).values_list("sku", "left")
    return {**dict.fromkeys(wanted, 0), **dict(found)}


def skus_in_stock() -> QuerySet[Stock, str]:
    """Return the SKUs of which a unit can be sold, to be used as a subquery."""
    rows = Stock.objects.filter(warehouse__is_active=True, on_hand__gt=F("reserved"))
    return rows.values_list("sku", flat=True)
