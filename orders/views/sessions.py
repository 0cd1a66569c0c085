"""What the shop keeps in a visitor's session: the basket, an order just placed, orders found."""

from django.http import HttpRequest

from orders.queries import baskets
from orders.services import baskets as basket_services
from orders.states import OrderState

BASKET = "basket"
PLACED = "placed"
FOUND = "found"


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
