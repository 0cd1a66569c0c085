"""How the refusals of place_order read in the API, each naming the member that is to change."""

from collections.abc import Callable, Collection
from typing import Any

from fulfillment.services.stock import OutOfStock
from globalmart.core import idempotency
from globalmart.core.problems import KINDS, Kind, Problem
from orders.queries import pricing
from orders.queries.discounts import VoucherRefused
from orders.services import checkout

KINDS.update(
    {
        "idempotency_key_missing": Kind(
            400, "Idempotency-Key is missing", "Send a new random key with every new order."
        ),
        "idempotency_key_malformed": Kind(
            400, "Idempotency-Key is malformed", "Send 1 to 255 printable ASCII characters."
        ),
        "idempotency_key_reused": Kind(
            422,
            "Idempotency-Key was used for another request",
            "Send a new key, or the body that the key was first sent with.",
        ),
        "idempotency_key_in_use": Kind(
            409,
            "The first request with this key is still running",
            "Send the same request again after `Retry-After`.",
        ),
        "unknown_sku": Kind(400, "Unknown product", "Use SKUs that GET /products lists."),
        "not_priced": Kind(
            400, "No price in this currency", "Use the currency that GET /products shows."
        ),
        "unknown_shipping_method": Kind(
            400, "Unknown shipping method", "Leave it out for `standard`."
        ),
        "unknown_price_list": Kind(
            400, "Unknown price list", "Leave it out for the prices of the shop."
        ),
        "voucher_refused": Kind(
            422,
            "The voucher cannot be used",
            "Show the customer `detail`, which says why; leave the voucher out to order without.",
        ),
        "total_too_large": Kind(400, "The total is too large", "Split the order."),
        "nothing_to_pay": Kind(
            422, "Nothing, or too little, is left to pay", "Order without the voucher, or more."
        ),
        "total_changed": Kind(
            409,
            "The order costs something else",
            "Show the customer `total_minor`, and send it as `expected_total_minor`.",
        ),
        "out_of_stock": Kind(
            409, "Not enough in stock", "Order at most what `available` says, under the same key."
        ),
        "external_ref_exists": Kind(
            409, "external_ref was used before", "Read the order `existing_id`."
        ),
    }
)

Items = Collection[checkout.Item]


def _at_lines(items: Items, skus: Collection[str], detail: str) -> list[dict[str, Any]]:
    return [
        {"pointer": f"/lines/{place}/sku", "detail": detail, "sku": item.sku}
        for place, item in enumerate(items)
        if item.sku in skus
    ]


def _unknown_sku(error: pricing.UnknownSku, items: Items) -> Problem:
    errors = _at_lines(items, set(error.skus), "No product on sale has this SKU.")
    return Problem(code="unknown_sku", detail="Some lines name no product.", errors=errors)


def _not_priced(error: pricing.NotPriced, items: Items) -> Problem:
    detail = "Some products have no price in this currency."
    errors = _at_lines(items, set(error.skus), "No price in this currency.")
    return Problem(
        code="not_priced",
        detail=detail,
        errors=[{"pointer": "/currency", "detail": detail}, *errors],
    )


def _out_of_stock(error: OutOfStock, items: Items) -> Problem:
    left = {shortage.sku: shortage.available for shortage in error.shortages}
    errors = [
        {**each, "available": left[each["sku"]]}
        for each in _at_lines(items, left, "Fewer are left than ordered.")
    ]
    return Problem(code="out_of_stock", detail="Some products are sold out.", errors=errors)


def _unknown_method(error: pricing.UnknownShippingMethod, items: Items) -> Problem:
    detail = "No such shipping method in this currency."
    return Problem(
        code="unknown_shipping_method",
        detail=detail,
        errors=[{"pointer": "/shipping_method", "detail": detail}],
    )


def _bad_quantity(error: checkout.BadQuantity, items: Items) -> Problem:
    places = [place for place, item in enumerate(items) if item.sku == error.sku]
    detail = "The quantity of this SKU is out of range."
    errors = [{"pointer": f"/lines/{place}/quantity", "detail": detail} for place in places]
    return Problem(code="invalid", detail=detail, errors=errors)


def _too_large(error: pricing.TotalTooLarge, items: Items) -> Problem:
    detail = "The total is larger than the shop takes."
    return Problem(
        code="total_too_large", detail=detail, errors=[{"pointer": "/lines", "detail": detail}]
    )


def _unknown_list(error: pricing.UnknownPriceList, items: Items) -> Problem:
    detail = "No price list of this currency has this code."
    return Problem(
        code="unknown_price_list",
        detail=detail,
        errors=[{"pointer": "/price_list", "detail": detail}],
    )


def _voucher(error: VoucherRefused, items: Items) -> Problem:
    missing = {"missing_minor": error.missing_minor} if error.missing_minor else {}
    return Problem(
        code="voucher_refused",
        detail=str(error),
        errors=[{"pointer": "/voucher", "detail": str(error), "reason": str(error.problem)}],
        members=missing,
    )


def _nothing_to_pay(error: pricing.NothingToPay, items: Items) -> Problem:
    detail = "Nothing is left to pay, or less than a card can be charged."
    return Problem(
        code="nothing_to_pay", detail=detail, errors=[{"pointer": "/voucher", "detail": detail}]
    )


def _total_changed(error: checkout.TotalChanged, items: Items) -> Problem:
    detail = f"The order costs {error.total_minor}, and {error.expected_minor} was expected."
    return Problem(
        code="total_changed",
        detail=detail,
        errors=[{"pointer": "/expected_total_minor", "detail": detail}],
        members={
            "expected_total_minor": error.expected_minor,
            "total_minor": error.total_minor,
        },
    )


def _duplicate(error: checkout.DuplicateReference, items: Items) -> Problem:
    detail = f"The order {error.order_public_id} has this external_ref."
    return Problem(
        code="external_ref_exists",
        detail=detail,
        errors=[{"pointer": "/external_ref", "detail": detail}],
        members={"existing_id": error.order_public_id},
    )


def _key_reused(error: idempotency.KeyReused, items: Items) -> Problem:
    return Problem(code="idempotency_key_reused")


def _key_busy(error: idempotency.KeyBusy, items: Items) -> Problem:
    return Problem(code="idempotency_key_in_use", headers={"Retry-After": "1"})


REFUSALS: dict[type[Exception], Callable[[Any, Items], Problem]] = {
    pricing.UnknownSku: _unknown_sku,
    pricing.NotPriced: _not_priced,
    OutOfStock: _out_of_stock,
    pricing.UnknownShippingMethod: _unknown_method,
    checkout.BadQuantity: _bad_quantity,
    pricing.UnknownPriceList: _unknown_list,
    VoucherRefused: _voucher,
    pricing.TotalTooLarge: _too_large,
    pricing.NothingToPay: _nothing_to_pay,
    checkout.TotalChanged: _total_changed,
    checkout.DuplicateReference: _duplicate,
    idempotency.KeyReused: _key_reused,
    idempotency.KeyBusy: _key_busy,
}


def read_key(header: str | None) -> str:
    """Return the idempotency key of a request. Raises Problem (400)."""
    try:
        return idempotency.parse_header(header)
    except idempotency.KeyMissing as error:
        raise Problem(
            code="idempotency_key_missing", detail="Send the header Idempotency-Key."
        ) from error
    except idempotency.KeyMalformed as error:
        raise Problem(
            code="idempotency_key_malformed",
            detail="The header Idempotency-Key is not 1 to 255 printable characters.",
        ) from error


def explain(error: Exception, *, items: Items) -> Problem:
    """Return the problem for a refusal that REFUSALS lists."""
    return REFUSALS[type(error)](error, items)
