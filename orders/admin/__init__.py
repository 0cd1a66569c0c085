"""Staff pages of the shop."""

from orders.admin import catalogue, discounts, documents, holds, orders, prices, returns

__all__ = ["catalogue", "discounts", "documents", "holds", "orders", "prices", "returns"]
