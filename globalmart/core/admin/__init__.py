"""The staff's pages: the house's base classes, and the pages of core's own tables."""

from globalmart.core.admin import people, queues, tables
from globalmart.core.admin.house import HouseAdmin, HouseInline, chip, money

__all__ = ["HouseAdmin", "HouseInline", "chip", "money", "people", "queues", "tables"]
