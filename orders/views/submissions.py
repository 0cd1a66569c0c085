"""A basket with all that was typed at checkout, as the order it is about to become."""

from typing import Any

from django.conf import settings

from globalmart.core import idempotency
from orders.queries.baskets import Contents
from orders.services import checkout

ADDRESS_FIELDS = ("name", "line1", "line2", "city", "region", "postal_code", "country")


def fingerprint(basket: Contents) -> str:
    """Return what tells this order from any other: which basket, what is in it, and where it goes.

    The review page carries it, so that the button orders what that page showed.
    """
    body: dict[str, Any] = {
        "basket": basket.public_id,
        "contact": basket.details["contact"],
        "delivery": basket.details["delivery"],
        "items": [[item.sku, item.quantity] for item in basket.items],
    }
    return idempotency.fingerprint(body)


def submission(basket: Contents, key: str) -> checkout.Submission:
    """Return the order that the basket asks for, under the key of the page that asks."""
    contact, delivery = basket.details["contact"], basket.details["delivery"]
    return checkout.Submission(
        key_scope=f"basket:{basket.public_id}",
        key=key,
        request_hash=fingerprint(basket),
        currency=basket.currency,
        email=contact["email"],
        name=delivery["name"],
        phone=contact["phone"],
        wants_sms=contact["wants_sms"],
        shipping_address=checkout.Address(**{name: delivery[name] for name in ADDRESS_FIELDS}),
        shipping_method=delivery["method"],
        items=tuple(checkout.Item(item.sku, item.quantity) for item in basket.items),
        basket_id=basket.id,
        metadata={},
        is_live=settings.IS_LIVE,
    )
