"""Why a phone order cannot be priced or placed, in words that say what to do."""

from django.conf import settings

from fulfillment.services.stock import OutOfStock
from globalmart.core.money import display
from orders.queries.discounts import VoucherRefused
from orders.queries.pricing import (
    NothingToPay,
    NotPriced,
    TotalTooLarge,
    UnknownShippingMethod,
    UnknownSku,
)
from orders.services.drafts import DraftChanged
from orders.services.submissions import BadQuantity, NoLines, TotalChanged

# What a price can be refused for; the form's own checks come first.
REFUSALS = (
    UnknownSku,
    NotPriced,
    UnknownShippingMethod,
    VoucherRefused,
    TotalTooLarge,
    NothingToPay,
    BadQuantity,
    NoLines,
    OutOfStock,
    TotalChanged,
    DraftChanged,
)


def explain(refusal: Exception) -> str:
    """Return why something was refused, and what to do."""
    shop = settings.SHOP_CURRENCY
    match refusal:
        case TotalChanged():
            seen = display(refusal.expected_minor, shop)
            return (
                f"It costs {display(refusal.total_minor, shop)}, and not {seen} as this page said. "
                "Tell the customer, then place it again."
            )
        case OutOfStock():
            short = ", ".join(
                f"{each.sku} (asked for {each.wanted}, {each.available} there)"
                for each in refusal.shortages
            )
            return f"Out of stock meanwhile: {short}. Lower the quantity."
        case UnknownSku() | NotPriced():
            return f"Not for sale any more: {', '.join(refusal.skus)}. Remove it."
        case VoucherRefused():
            return str(refusal)
    return WORDS[type(refusal)]


WORDS: dict[type[Exception], str] = {
    UnknownShippingMethod: "That way of delivery is not offered to this address: choose another.",
    TotalTooLarge: "That is more than one order may cost: make two of it.",
    NothingToPay: "Nothing is left to pay, or less than a card can be charged: the shop takes no "
    "such orders.",
    BadQuantity: "A quantity is too large.",
    NoLines: "Add a product first.",
    DraftChanged: "Somebody else has changed this draft meanwhile. Open it again in another "
    "window to see how, then decide; what you typed is still here, and saving again overwrites it.",
}
