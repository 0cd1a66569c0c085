"""Secret links to an order: an HMAC of the order and its link version, made anew when needed."""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from django.conf import settings
from django.urls import reverse

from globalmart.core.ids import parse_order_number
from orders.models import NEVER_PLACED, Order


def order_secret(order: Order, purpose: str = "order") -> str:
    """Return the 32 characters (192 bits) that open the order's page.

    HMAC-SHA256 over order, purpose and `link_version`: raising the version revokes every link.
    """
    message = f"{order.public_id}:{purpose}:{order.link_version}".encode()
    digest = hmac.new(settings.LINK_KEY.encode(), message, sha256).digest()
    return urlsafe_b64encode(digest[:24]).decode()


def order_path(order: Order) -> str:
    """Return the path of the customer's page of the order."""
    return reverse("orders:order", args=[order.number, order_secret(order)])


def absolute(path: str) -> str:
    """Return the public address of a path."""
    return f"{settings.BASE_URL}{path}"


def order_url(order: Order) -> str:
    """Return the public address of the customer's page of the order."""
    return absolute(order_path(order))


def find_order_by_link(number: str, secret: str) -> Order | None:
    """Return the order that a link opens, or None; a wrong secret, and a draft, look like a
    wrong number."""
    parsed = parse_order_number(number)
    placed = Order.objects.exclude(NEVER_PLACED)
    order = placed.filter(number=parsed).first() if parsed else None
    if order is None or not hmac.compare_digest(order_secret(order).encode(), secret.encode()):
        return None
    return order
