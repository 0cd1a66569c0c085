"""The body of POST /orders: its shape, and the submission that comes of it."""

from typing import Any

from rest_framework import serializers

from globalmart.core import idempotency
from globalmart.core.models import ApiClient
from globalmart.core.problems import Problem
from orders import addresses
from orders.api.fields import Country, EmailLine, Flag, Line, Metadata, Phone, WholeNumber
from orders.services.checkout import Address, Item, Submission

MAX_LINES = 1000
MAX_QUANTITY = 100_000


class Customer(serializers.Serializer[Any]):
    """Who buys. No account is made."""

    email = EmailLine(max_length=254)
    name = Line(max_length=120)
    phone = Phone(max_length=30, required=False, allow_blank=True, default="")
    wants_sms = Flag(
        required=False, default=False, help_text="Send a text message when a parcel ships."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["wants_sms"] and not attrs["phone"]:
            raise serializers.ValidationError({"phone": "A text message needs a phone number."})
        return attrs


class PostalAddress(serializers.Serializer[Any]):
    """Where a parcel or a bill goes."""

    name = Line(max_length=120)
    company = Line(max_length=120, required=False, allow_blank=True, default="")
    line1 = Line(max_length=120)
    line2 = Line(max_length=120, required=False, allow_blank=True, default="")
    city = Line(max_length=80)
    region = Line(max_length=80, required=False, allow_blank=True, default="")
    postal_code = Line(
        max_length=20,
        required=False,
        allow_blank=True,
        default="",
        help_text="Needed where the country has postal codes.",
    )
    country = Country(max_length=2, help_text="ISO 3166, two letters.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["postal_code"] and addresses.needs_postcode(attrs["country"]):
            raise serializers.ValidationError({"postal_code": "This country has postal codes."})
        return attrs


class Wanted(serializers.Serializer[Any]):
    """So many of a product. A SKU may stand in several lines: they are summed."""

    sku = Line(max_length=40)
    quantity = WholeNumber(min_value=1, max_value=MAX_QUANTITY)


class NewOrder(serializers.Serializer[Any]):
    """An order to place. Prices are the shop's: other amounts sent here are not read."""

    external_ref = Line(
        max_length=100,
        required=False,
        allow_null=True,
        default=None,
        help_text="Your own reference, unique among your orders.",
    )
    currency = serializers.RegexField(
        r"\A[A-Z]{3}\Z",
        max_length=3,
        error_messages={
            "invalid": "Send a three-letter ISO 4217 code, as GBP.",
            "max_length": "Send a three-letter ISO 4217 code, as GBP.",
        },
    )
    customer = Customer()
    shipping_address = PostalAddress()
    billing_address = PostalAddress(required=False, allow_null=True, default=None)
    shipping_method = Line(max_length=30, required=False, default="standard")
    price_list = Line(
        max_length=30,
        required=False,
        allow_blank=True,
        default="",
        help_text="Code of a price list. Without it the default list of the currency.",
    )
    voucher = Line(
        max_length=40,
        required=False,
        allow_blank=True,
        default="",
        help_text="Code of a voucher, small or capital.",
    )
    expected_total_minor = WholeNumber(
        min_value=1,
        max_value=10**12,
        required=False,
        allow_null=True,
        default=None,
        help_text="What your customer was shown. Does the order cost anything else, nothing is "
        "placed: `total_changed`.",
    )
    lines = serializers.ListSerializer[Any](child=Wanted(), allow_empty=False, max_length=MAX_LINES)
    payment_method = serializers.RegexField(
        r"\A[A-Za-z0-9_]+\Z",
        max_length=255,
        required=False,
        allow_null=True,
        default=None,
        error_messages={"invalid": "Send the id of a payment method, as pm_card_visa."},
        help_text="Stripe's id of a payment method. Without it the answer carries `pay_url`.",
    )
    charge_at_order = Flag(
        required=False,
        default=False,
        help_text="The customer was told that the card is charged now, should the goods ship too "
        "late for a hold. Without it they get a link to pay later, and `payment_method` is not "
        "used. Changes nothing for other goods.",
    )
    metadata = Metadata(required=False, default=dict)


# One instance for the process: `run_validation` keeps nothing in it, and building the tree of
# fields costs more than validating an order with it.
_shape = NewOrder()


def _address(parts: dict[str, Any] | None) -> Address | None:
    return None if parts is None else Address(**parts)


def read_submission(*, body: Any, key: str, client: ApiClient, is_live: bool) -> Submission:
    """Return the submission in a parsed body. Raises ValidationError and Problem, with pointers."""
    if not isinstance(body, dict):
        raise Problem(code="invalid", detail="Send a JSON object.")
    order = _shape.run_validation(body)
    customer = order["customer"]
    shipping = Address(**order["shipping_address"])
    return Submission(
        key_scope=f"api:{client.pk}",
        key=key,
        request_hash=idempotency.fingerprint(body),
        currency=order["currency"],
        email=customer["email"],
        name=customer["name"],
        phone=customer["phone"],
        wants_sms=customer["wants_sms"],
        shipping_address=shipping,
        billing_address=_address(order["billing_address"]),
        shipping_method=order["shipping_method"],
        price_list=order["price_list"],
        voucher=order["voucher"],
        expected_total_minor=order["expected_total_minor"],
        items=tuple(Item(sku=line["sku"], quantity=line["quantity"]) for line in order["lines"]),
        payment_method=order["payment_method"] or "",
        charge_at_order=order["charge_at_order"],
        external_ref=order["external_ref"],
        api_client_id=client.pk,
        metadata=order["metadata"],
        is_live=is_live,
        actor=f"api:{client.pk}",
    )
