"""Documents as PDF, from their frozen content alone: the same content gives the same bytes."""

from orders.papers.sheet import render

__all__ = ["render"]
