"""Orders and products as the API lists them: newest first, or by SKU, from a cursor on."""

from collections.abc import Sequence

from orders.models import Order
from orders.queries.catalogue import Offer, for_sale, matching, offers_of


class UnknownCursor(Exception):
    """The cursor stands after nothing of this client."""


def list_orders(
    *, client_id: int, external_ref: str | None, state: str | None, after: str | None, limit: int
) -> tuple[Sequence[Order], bool]:
    """Return up to `limit` orders of a client, newest first, and whether more follow.

    `after` is the public id of the last order seen. Raises UnknownCursor.
    """
    mine = Order.objects.filter(api_client_id=client_id)
    rows = mine.order_by("-id")
    if after is not None:
        last = mine.filter(public_id=after).values_list("id", flat=True).first()
        if last is None:
            raise UnknownCursor
        rows = rows.filter(id__lt=last)
    if external_ref is not None:
        rows = rows.filter(external_ref=external_ref)
    if state is not None:
        rows = rows.filter(state=state)
    found = list(rows.prefetch_related("lines", "discounts")[: limit + 1])
    return found[:limit], len(found) > limit


def find_order(*, client_id: int, public_id: str) -> Order | None:
    """Return a client's own order; another client's is as absent as one that never was."""
    mine = Order.objects.filter(api_client_id=client_id, public_id=public_id)
    return mine.prefetch_related("lines", "discounts").first()


def list_products(*, words: str, after: str | None, limit: int) -> tuple[list[Offer], bool]:
    """Return up to `limit` products by SKU, and whether more follow; `after` is the last SKU."""
    rows = for_sale()
    if words.strip():
        rows = matching(rows, words)
    if after is not None:
        rows = rows.filter(sku__gt=after)
    found = offers_of(rows.order_by("sku")[: limit + 1])
    return found[:limit], len(found) > limit


def find_product(*, sku: str) -> Offer | None:
    """Return the product of this SKU, if it is for sale in the shop's currency."""
    found = offers_of(for_sale().filter(sku=sku))
    return found[0] if found else None
