"""What others may ask about stock and shipping."""

from fulfillment.queries.parcels import ShipmentView, get_shipment, list_shipments
from fulfillment.queries.requests import list_references, summaries
from fulfillment.queries.stock import available, skus_in_stock
from fulfillment.queries.waiting import has_due_polls, has_due_requests, list_stuck

__all__ = [
    "ShipmentView",
    "available",
    "get_shipment",
    "has_due_polls",
    "has_due_requests",
    "list_references",
    "list_shipments",
    "list_stuck",
    "skus_in_stock",
    "summaries",
]
