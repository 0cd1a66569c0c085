"""Documents as PDF, from their frozen content alone: the same content gives the same bytes."""

from orders.papers.answer import as_pdf
from orders.papers.sheet import render

__all__ = ["as_pdf", "render"]
