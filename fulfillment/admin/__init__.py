"""Staff pages of fulfillment: what the warehouses were asked, what they have, what left them."""

from fulfillment.admin import parcels, requests, stock, warehouses

__all__ = ["parcels", "requests", "stock", "warehouses"]
