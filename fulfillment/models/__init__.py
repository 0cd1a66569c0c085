"""What can be promised and shipped: warehouses, stock, reservations, requests, shipments."""

from fulfillment.models.requests import Fulfillment, FulfillmentLine
from fulfillment.models.shipments import ReturnReceipt, Shipment, ShipmentEvent, ShipmentLine
from fulfillment.models.stock import Reservation, Stock, StockAdjustment
from fulfillment.models.warehouses import Carrier, Warehouse, WarehouseHoliday

__all__ = [
    "Carrier",
    "Fulfillment",
    "FulfillmentLine",
    "Reservation",
    "ReturnReceipt",
    "Shipment",
    "ShipmentEvent",
    "ShipmentLine",
    "Stock",
    "StockAdjustment",
    "Warehouse",
    "WarehouseHoliday",
]
