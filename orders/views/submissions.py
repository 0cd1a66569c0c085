"""A basket with all that was typed at checkout, as the order it is about to become."""

from typing import Any

from django.conf import settings
from django.utils import timezone

from globalmart.core import idempotency
from orders.queries.baskets import Contents
from orders.queries.preorders import is_long_wait
from orders.services import checkout

ADDRESS_FIELDS = ("name", "line1", "line2", "city", "region", "postal_code", "country")


def fingerprint(basket: Contents) -> str:
    """Return what tells this order from any other: which basket, what is in it, where it goes,
    and what was promised: from when it ships, and whether the card is charged at once.

    The review page carries it, so that the button orders what that page showed.
    """
    body: dict[str, Any] = {
        "basket": basket.public_id,
        "contact": basket.details["contact"],
        "delivery": basket.details["delivery"],
        "items": [[item.sku, item.quantity] for item in basket.items],
        "voucher": basket.voucher,
        "promise": [str(basket.ships_from), is_charged_at_order(basket)],
    }
    return idempotency.fingerprint(body)


def is_charged_at_order(basket: Contents) -> bool:
    """Tell whether the goods ship too late for a hold: then the review page says so."""
    return is_long_wait(ships_from=basket.ships_from, now=timezone.now())


def submission(basket: Contents, key: str, *, expected_total_minor: int) -> checkout.Submission:
    """Return the order that the basket asks for, under the key of the page that asks, and at the
    total that it showed."""
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
        voucher=basket.voucher,
        expected_total_minor=expected_total_minor,
        items=tuple(checkout.Item(item.sku, item.quantity) for item in basket.items),
        charge_at_order=is_charged_at_order(basket),
        basket_id=basket.id,
        metadata={},
        is_live=settings.IS_LIVE,
    )
