"""Staff pages of the shop."""

from orders.admin import catalogue, discounts, holds, orders, prices

__all__ = ["catalogue", "discounts", "holds", "orders", "prices"]
