"""What the shop keeps in a visitor's session: the basket, an order just placed, orders found."""

from django.http import HttpRequest

from orders.models import Order
from orders.queries import baskets
from orders.services import baskets as basket_services
from orders.states import OrderState

BASKET = "basket"
PLACED = "placed"
FOUND = "found"
ORDERED = "ordered"
REMEMBERED = 10


def get_basket(request: HttpRequest) -> baskets.Contents | None:
    """Return the visitor's basket.

    A basket whose order was paid for is forgotten; one whose order came to nothing is copied, so
    that nothing needs to be typed twice. One whose order waits for its payment stays as it is.
    """
    found = baskets.find_basket(basket_id=request.session.get(BASKET))
    if found is None or found.order_id is None:
        return found
    order = baskets.find_order(order_id=found.order_id)
    if order is None or order.state == OrderState.PENDING_PAYMENT:
        return found
    if order.state in (OrderState.EXPIRED, OrderState.CANCELLED):
        renewed = basket_services.reopen_basket(basket_id=found.id)
        request.session[BASKET] = renewed.pk
        return baskets.find_basket(basket_id=renewed.pk)
    del request.session[BASKET]
    return None


def open_basket(request: HttpRequest) -> int:
    """Return the key of a basket that can be changed; a new one where there is none.

    A basket whose order still waits for its payment is copied: that order stays as it is.
    """
    found = get_basket(request)
    if found is not None and found.order_id is None:
        return found.id
    if found is not None:
        basket = basket_services.reopen_basket(basket_id=found.id)
    else:
        basket = basket_services.open_basket()
    request.session[BASKET] = basket.pk
    return basket.pk


def remember_order(request: HttpRequest, order: Order) -> None:
    """Keep that this visitor placed the order or began to pay it, while its links are valid."""
    known = [pair for pair in request.session.get(ORDERED, []) if pair[0] != order.pk]
    request.session[ORDERED] = [*known, [order.pk, order.link_version]][-REMEMBERED:]


def has_ordered(request: HttpRequest, order: Order) -> bool:
    """Tell whether the visitor placed the order or began to pay it, by links valid to this day."""
    return [order.pk, order.link_version] in request.session.get(ORDERED, [])


def find_ended_order(request: HttpRequest) -> Order | None:
    """Return what the visitor's last basket became, once that no longer waits for its payment.

    None while there is a basket still to be ordered.
    """
    basket = baskets.find_basket(basket_id=request.session.get(BASKET))
    known = request.session.get(ORDERED, [])
    order_id = basket.order_id if basket else (known[-1][0] if known else None)
    order = baskets.find_order(order_id=order_id) if order_id else None
    if order is None or order.state == OrderState.PENDING_PAYMENT:
        return None
    return order if basket or has_ordered(request, order) else None
