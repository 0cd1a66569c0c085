"""Files of sales for tests."""

import csv
from dataclasses import dataclass
from pathlib import Path

from orders.imports.reading import COLUMNS

AT = "2010-12-01 08:26:00"


@dataclass(frozen=True)
class Sale:
    invoice: str
    code: str
    quantity: int = 1
    price: str = "1.00"
    customer: str = ""
    country: str = "United Kingdom"


def sales_file(path: Path, *sales: Sale) -> Path:
    """Write sales in the format of Online Retail."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for sale in sales:
            cells = (sale.invoice, sale.code, f"GOODS {sale.code}", sale.quantity, AT, sale.price)
            writer.writerow((*cells, sale.customer, sale.country))
    return path
