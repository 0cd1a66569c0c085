"""Invoices of the file as submissions to the checkout, and which of them became orders before."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef

from globalmart.core.idempotency import fingerprint
from orders.imports.countries import find_country
from orders.imports.spool import SpooledLine
from orders.models import Order, OrderLine, Price, Product
from orders.queries.pricing import default_list
from orders.queries.recipients import IMPORT_CLIENT
from orders.services.checkout import Address, Item, Submission

CLIENT_NAME = IMPORT_CLIENT
CURRENCY = "GBP"
PAYMENT_METHOD = "pm_card_visa"
# The file holds no addresses; the reports and the documentation say what is written instead.
PLACEHOLDER_LINE = "Address not in the imported file"
PLACEHOLDER_CITY = "Unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """The usable rows of one invoice; `total_minor` is the whole invoice's, in pence."""

    number: str
    lines: list[SpooledLine]
    total_minor: int

    def lines_of(self, skus: Iterable[str]) -> list[int]:
        """Return the line numbers of the rows of these SKUs."""
        wanted = set(skus)
        return [line.line for line in self.lines if line.sku in wanted]


@dataclass(slots=True)
class Found:
    """An order that an earlier run placed, with its SKUs."""

    number: str
    total_minor: int
    shipping_minor: int
    skus: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Shop:
    """What the shop sells of a set of SKUs, and which of these have a price in pounds."""

    sold: set[str]
    priced: set[str]


def find_placed(*, client_id: int, numbers: list[str]) -> dict[str, Found]:
    """Return the orders of the import's client by invoice number, in two queries."""
    orders = Order.objects.filter(api_client_id=client_id, external_ref__in=numbers)
    found = {}
    refs = {}
    for order in orders.only("external_ref", "number", "total_minor", "shipping_minor"):
        refs[order.pk] = order.external_ref or ""
        found[refs[order.pk]] = Found(order.number, order.total_minor, order.shipping_minor)
    lines = OrderLine.objects.filter(order_id__in=list(refs)).values_list("order_id", "sku")
    for order_id, sku in lines:
        found[refs[order_id]].skus.add(sku)
    return found


def look_up_shop(*, skus: Iterable[str]) -> Shop:
    """Return what of these SKUs is for sale, in one query."""
    products = Product.objects.filter(sku__in=set(skus), is_active=True)
    priced = Price.objects.filter(default_list(CURRENCY), product=OuterRef("pk"))
    rows = dict(products.annotate(is_priced=Exists(priced)).values_list("sku", "is_priced"))
    return Shop(set(rows), {sku for sku, is_priced in rows.items() if is_priced})


def build_submission(
    *, invoice: Invoice, without: set[str], client_id: int, notify: bool
) -> Submission:
    """Return the order of an invoice, quantities summed per SKU, less the SKUs in `without`."""
    first = invoice.lines[0]
    quantities: dict[str, int] = defaultdict(int)
    for line in invoice.lines:
        if line.sku not in without:
            quantities[line.sku] += line.quantity
    name, email = f"Invoice {invoice.number}", f"invoice-{invoice.number}@import.invalid"
    if first.customer:
        name, email = f"Customer {first.customer}", f"customer-{first.customer}@import.invalid"
    metadata = {
        "invoice_total_minor": str(invoice.total_minor),
        "invoice_date": first.invoiced_at,
    }
    if notify:
        metadata["notify"] = "1"
    country = find_country(name=first.country) or ""
    items = tuple(Item(sku=sku, quantity=units) for sku, units in quantities.items())
    return Submission(
        key_scope=f"import:{client_id}",
        key=invoice.number,
        request_hash=fingerprint([invoice.number, country, email, sorted(quantities.items())]),
        currency=CURRENCY,
        email=email,
        name=name,
        shipping_address=Address(
            name=name, line1=PLACEHOLDER_LINE, city=PLACEHOLDER_CITY, country=country
        ),
        items=items,
        payment_method=PAYMENT_METHOD,
        external_ref=invoice.number,
        api_client_id=client_id,
        metadata=metadata,
        actor="import",
    )
