"""The order that the tests of the warehouse hand over."""

from dataclasses import replace
from datetime import date
from typing import Any

from fulfillment.gateways.wms import ShipTo, SubmitLine, SubmitRequest

ADA = ShipTo(
    name="Ada Lovelace & Söhne",
    line1="12 St James's Square",
    line2="",
    city="London",
    region="",
    postal_code="SW1Y 4JH",
    country="GB",
    phone="+442071234567",
)
REQUEST = SubmitRequest(
    location="main",
    reference="FR-0001",
    sequence=1,
    order_number="GM-7K2QD-9XW4A",
    service="standard",
    ship_to=ADA,
    lines=(
        SubmitLine(1, "85123A", "White hanging heart <T-light> holder", 2),
        SubmitLine(2, "MUG", "Mug", 6),
    ),
    promised_on=date(2026, 11, 24),
)


def request(**changes: Any) -> SubmitRequest:
    """Return the usual request with changes."""
    return replace(REQUEST, **changes)
