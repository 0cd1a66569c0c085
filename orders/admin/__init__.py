"""Staff pages of the shop."""

from orders.admin import catalogue, holds, orders

__all__ = ["catalogue", "holds", "orders"]
