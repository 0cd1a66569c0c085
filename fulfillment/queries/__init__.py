"""What others may ask about stock and shipping."""

from fulfillment.queries.outlook import (
    Outlook,
    ShortLine,
    allocated_units,
    coming_from,
    list_backorders,
    list_short,
    outlook,
    reserved_units,
    warehouse_of,
)
from fulfillment.queries.parcels import ShipmentView, get_shipment, list_shipments
from fulfillment.queries.promises import earliest_ship_date, promised_dates, ship_by, ship_by_many
from fulfillment.queries.recalls import (
    Recall,
    plan_recall,
    plan_recall_of_all,
    requests_for,
    sent_for,
    stoppable_units,
)
from fulfillment.queries.requests import list_references, summaries
from fulfillment.queries.returns import (
    ReceiptView,
    get_receipt,
    list_receipts,
    list_receipts_by_id,
)
from fulfillment.queries.stock import available, skus_in_stock
from fulfillment.queries.waiting import (
    has_due_polls,
    has_due_requests,
    list_down_warehouses,
    list_late_counts,
    list_stuck,
    list_stuck_backorders,
    list_stuck_parcels,
)

__all__ = [
    "ReceiptView",
    "get_receipt",
    "list_receipts",
    "list_receipts_by_id",
    "Outlook",
    "Recall",
    "ShortLine",
    "allocated_units",
    "coming_from",
    "list_backorders",
    "list_short",
    "outlook",
    "plan_recall",
    "plan_recall_of_all",
    "requests_for",
    "reserved_units",
    "sent_for",
    "warehouse_of",
    "ShipmentView",
    "available",
    "earliest_ship_date",
    "get_shipment",
    "has_due_polls",
    "has_due_requests",
    "list_down_warehouses",
    "list_late_counts",
    "list_references",
    "list_shipments",
    "list_stuck",
    "list_stuck_backorders",
    "list_stuck_parcels",
    "promised_dates",
    "ship_by",
    "ship_by_many",
    "skus_in_stock",
    "stoppable_units",
    "summaries",
]
