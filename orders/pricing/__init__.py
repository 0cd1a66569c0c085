"""What an order costs, from plain data alone: no database, no clock, no framework."""

from orders.pricing.terms import DiscountKind, DiscountSource

__all__ = ["DiscountKind", "DiscountSource"]
