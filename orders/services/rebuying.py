"""An order that came to nothing becomes a basket again, with all that was typed."""

from django.db import transaction

from orders.models import Basket, BasketLine, Order
from orders.services import baskets


@transaction.atomic
def refill_basket(*, order_id: int) -> Basket:
    """Return a new basket as the order's was: its goods, its contact and its address.

    The prices are those that the customer saw, so that the basket tells where they have changed.
    Raises Order.DoesNotExist.
    """
    order = Order.objects.get(pk=order_id)
    if order.basket_id is not None:
        return baskets.reopen_basket(basket_id=order.basket_id)
    delivery = {**order.shipping_address, "method": order.shipping_method}
    contact = {"email": order.email, "phone": order.phone, "wants_sms": order.wants_sms}
    basket = Basket.objects.create(
        currency=order.currency, details={"contact": contact, "delivery": delivery}
    )
    BasketLine.objects.bulk_create(
        BasketLine(
            basket=basket,
            product_id=line.product_id,
            quantity=min(line.quantity, baskets.MAX_QUANTITY),
            seen_price_minor=line.unit_price_minor,
        )
        for line in order.lines.order_by("position")
    )
    return basket
