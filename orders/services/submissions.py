"""An order as it is asked for, whoever asks, and what makes it none."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

MOST_QUANTITY = 100_000


class BadQuantity(Exception):
    """A quantity, or the sum of a repeated SKU's, is not between 1 and MOST_QUANTITY."""

    def __init__(self, sku: str) -> None:
        super().__init__(sku)
        self.sku = sku


class NoLines(Exception):
    """An order needs at least one line."""


class DuplicateReference(Exception):
    """This client has an order with this external_ref already."""

    def __init__(self, order_public_id: str) -> None:
        super().__init__(order_public_id)
        self.order_public_id = order_public_id


class BasketClosed(Exception):
    """The basket has become an order already, under another key."""

    def __init__(self, order_id: int) -> None:
        super().__init__(str(order_id))
        self.order_id = order_id


class TotalChanged(Exception):
    """The order costs `total_minor` now, and not what its customer was shown."""

    def __init__(self, *, expected_minor: int, total_minor: int) -> None:
        super().__init__(f"{expected_minor} was shown, {total_minor} it costs")
        self.expected_minor = expected_minor
        self.total_minor = total_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address; `country` is ISO 3166-1 alpha-2, absent parts are empty."""

    name: str
    line1: str
    city: str
    country: str
    line2: str = ""
    region: str = ""
    postal_code: str = ""
    company: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Item:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An order as it is asked for. Prices are not part of it: they are the shop's.

    `key_scope` is `api:<client id>` or `basket:<uuid>`; `request_hash` the fingerprint of the
    body. Without `payment_method` (a Stripe id) the customer's browser pays. `charge_at_order`: the
    customer was told that the card is charged at once where the goods ship too late for a hold;
    otherwise such an order is paid for by a link, later. `voucher` is a code as it was typed;
    without `price_list` the currency's default list is used; with `expected_total_minor` the order
    is only placed if it costs that.
    """

    key_scope: str
    key: str
    request_hash: str
    currency: str
    email: str
    name: str
    shipping_address: Address
    items: tuple[Item, ...]
    phone: str = ""
    wants_sms: bool = False
    billing_address: Address | None = None
    shipping_method: str = "standard"
    price_list: str = ""
    voucher: str = ""
    expected_total_minor: int | None = None
    payment_method: str = ""
    charge_at_order: bool = False
    external_ref: str | None = None
    api_client_id: int | None = None
    basket_id: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_live: bool = False
    actor: str = "customer"


def sum_quantities(items: tuple[Item, ...]) -> dict[str, int]:
    """Sum quantities per SKU, before stock is touched. Raises NoLines, BadQuantity."""
    if not items:
        raise NoLines
    quantities: dict[str, int] = {}
    for item in items:
        quantities[item.sku] = quantities.get(item.sku, 0) + item.quantity
        if item.quantity < 1 or quantities[item.sku] > MOST_QUANTITY:
            raise BadQuantity(item.sku)
    return quantities
