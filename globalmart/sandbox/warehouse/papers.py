"""What comes in with SubmitOrder, and what goes back."""

from dataclasses import dataclass

from globalmart.sandbox.warehouse.shelf import MAIN


@dataclass(frozen=True, slots=True)
class Order:
    """What SubmitOrder brings. Lines are dictionaries: lineNo, sku, name, quantity."""

    reference: str
    sequence: int
    order_number: str
    service: str
    ship_to: dict[str, str]
    lines: list[dict[str, str | int]]
    location: str = MAIN
    promised_on: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer to SubmitOrder."""

    result: str
    wms_number: str = ""
    code: str = ""
    message: str = ""
