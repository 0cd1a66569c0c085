"""Payments of seeded orders, as rows to be copied."""

from payments.services.seeding.facts import SeedPayment
from payments.services.seeding.payments import write
from payments.services.seeding.tables import COLUMNS, PER_ORDER, Move, Note, Sink

__all__ = ["COLUMNS", "PER_ORDER", "Move", "Note", "SeedPayment", "Sink", "write"]
