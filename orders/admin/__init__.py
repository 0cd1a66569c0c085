"""Staff pages of the shop."""

from orders.admin import catalogue, orders

__all__ = ["catalogue", "orders"]
