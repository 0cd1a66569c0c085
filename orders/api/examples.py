"""The example order of the API's documents; a test places it."""

from typing import Any

NEW_ORDER: dict[str, Any] = {
    "external_ref": "A-1001",
    "currency": "GBP",
    "customer": {
        "email": "ada@example.com",
        "name": "Ada Lovelace",
        "phone": "+442071234567",
    },
    "shipping_address": {
        "name": "Ada Lovelace",
        "line1": "12 St James's Square",
        "line2": "",
        "city": "London",
        "region": "",
        "postal_code": "SW1Y 4JH",
        "country": "GB",
    },
    "billing_address": None,
    "shipping_method": "standard",
    "lines": [{"sku": "85123A", "quantity": 2}],
    "payment_method": "pm_card_visa",
    "metadata": {},
}
ORDER: dict[str, Any] = {
    "id": "ord_01K9ZQ3T7M8V4W2X6Y5B1C0D9E",
    "number": "GM-7K3Q9-F2D4X",
    "external_ref": "A-1001",
    "status": "pending_payment",
    "payment_status": "pending",
    "fulfillment_status": "unfulfilled",
    "currency": "GBP",
    "subtotal_minor": 590,
    "shipping_minor": 395,
    "tax_minor": 164,
    "tax_included": True,
    "discount_minor": 0,
    "shipping_discount_minor": 0,
    "discounts": [],
    "total_minor": 985,
    "due_minor": 985,
    "customer": NEW_ORDER["customer"],
    "shipping_address": {**NEW_ORDER["shipping_address"], "company": ""},
    "billing_address": None,
    "shipping_method": "standard",
    "ships_from": None,
    "lines": [
        {
            "id": "lin_01K9ZQ3T7N2B5C8D1E4F7G0H3J",
            "sku": "85123A",
            "name": "White hanging heart T-light holder",
            "quantity": 2,
            "unit_price_minor": 295,
            "discount_minor": 0,
            "tax_minor": 98,
            "total_minor": 590,
            "shipped": 0,
            "cancelled": 0,
        }
    ],
    "shipments": [],
    "metadata": {},
    "tracking_url": "https://shop.example.com/orders/GM-7K3Q9-F2D4X/<secret>/",
    "created_at": "2026-11-22T16:00:00.000000Z",
    "livemode": False,
}
