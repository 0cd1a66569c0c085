"""The OpenAPI side of the views: what comes back, which errors, which headers, one example each."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers

from globalmart.core.api import DEFAULT_LIMIT, MAX_LIMIT
from globalmart.core.schema import errors
from orders.api import examples
from orders.api.submission import NewOrder, PostalAddress
from orders.states import Decision, OrderState, Reception, ReturnState

Shape = serializers.Serializer[Any]


class OrderCustomer(Shape):
    email = serializers.CharField()
    name = serializers.CharField()
    phone = serializers.CharField()


class OrderDiscount(Shape):
    # A field named so hides what the base calls so, and the contract needs the name.
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="promotion, voucher, and later maybe others."
    )
    name = serializers.CharField()
    code = serializers.CharField(help_text="Of a voucher; otherwise empty.")
    amount_minor = serializers.IntegerField()
    on_shipping = serializers.BooleanField()


class OrderLine(Shape):
    id = serializers.CharField()
    sku = serializers.CharField()
    name = serializers.CharField()
    quantity = serializers.IntegerField()
    unit_price_minor = serializers.IntegerField(
        help_text="Tax included where `tax_included` says so."
    )
    discount_minor = serializers.IntegerField()
    tax_minor = serializers.IntegerField(help_text="The part of total_minor that is tax.")
    total_minor = serializers.IntegerField()
    shipped = serializers.IntegerField(help_text="Units that have left the warehouse.")
    returned = serializers.IntegerField(help_text="Of the shipped ones, those that came back.")
    cancelled = serializers.IntegerField(help_text="Units that are neither sent nor paid for.")


class ShipmentLine(Shape):
    sku = serializers.CharField()
    quantity = serializers.IntegerField()


class Shipment(Shape):
    id = serializers.CharField()
    status = serializers.CharField(
        help_text="What the carrier says: in_transit, out_for_delivery, delivered, and others."
    )
    carrier = serializers.CharField()
    tracking_number = serializers.CharField()
    tracking_url = serializers.CharField()
    shipped_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)
    lines = ShipmentLine(many=True)


class ReturnLine(Shape):
    """Units of a return that share one fate."""

    sku = serializers.CharField()
    quantity = serializers.IntegerField()
    reception = serializers.CharField(
        help_text="One of, and later maybe more: " + ", ".join(Reception.values)
    )
    decision = serializers.CharField(
        help_text="One of, and later maybe more: " + ", ".join(Decision.values)
    )
    disposition = serializers.CharField(
        help_text="Where the units go; empty until that is decided."
    )


class Return(Shape):
    """Goods that come back."""

    number = serializers.CharField(help_text="As on its label.")
    kind = serializers.CharField(help_text="return, or withdrawal: the consumer's right.")
    status = serializers.CharField(
        help_text="One of, and later maybe more: " + ", ".join(ReturnState.values)
    )
    requested_at = serializers.DateTimeField()
    lines = ReturnLine(many=True)


class Order(Shape):
    """An order as it stands. More members may come: ignore what you do not know."""

    id = serializers.CharField()
    number = serializers.CharField(help_text="What the customer knows the order by.")
    external_ref = serializers.CharField(allow_null=True)
    status = serializers.CharField(
        help_text="One of, and later maybe more: " + ", ".join(OrderState.values)
    )
    payment_status = serializers.CharField()
    fulfillment_status = serializers.CharField()
    currency = serializers.CharField()
    subtotal_minor = serializers.IntegerField()
    shipping_minor = serializers.IntegerField()
    tax_minor = serializers.IntegerField(help_text="The part of total_minor that is tax.")
    tax_included = serializers.BooleanField(
        help_text="False: of a price list without tax; tax_minor was put on top."
    )
    discount_minor = serializers.IntegerField(help_text="Of lines and shipping together.")
    shipping_discount_minor = serializers.IntegerField()
    discounts = OrderDiscount(many=True)
    total_minor = serializers.IntegerField()
    due_minor = serializers.IntegerField(
        help_text="What the customer pays: total_minor less what a part that is not sent would "
        "have cost, once that money has gone back. 0 for a cancelled or expired order."
    )
    customer = OrderCustomer()
    shipping_address = PostalAddress()
    billing_address = PostalAddress(allow_null=True)
    shipping_method = serializers.CharField()
    ships_from = serializers.DateField(
        allow_null=True, help_text="Nothing of it leaves before this day. Null: at once."
    )
    lines = OrderLine(many=True)
    shipments = Shipment(many=True)
    returns = Return(many=True)
    tracking_url = serializers.CharField(help_text="The customer's own page, without a login.")
    pay_url = serializers.CharField(
        required=False, help_text="Where the customer pays; only while that is to be done."
    )
    metadata = serializers.DictField(child=serializers.CharField())
    created_at = serializers.DateTimeField()
    livemode = serializers.BooleanField()


class Product(Shape):
    sku = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    category = serializers.CharField()
    tax_class = serializers.CharField()
    price_minor = serializers.IntegerField(help_text="Tax included.")
    currency = serializers.CharField()
    available = serializers.IntegerField(help_text="Units that can be ordered now.")
    ships_from = serializers.DateField(
        allow_null=True, help_text="Ordered now, it leaves on this day. Null: at once."
    )
    url = serializers.CharField()


class Page(Shape):
    has_more = serializers.BooleanField()
    next_cursor = serializers.CharField(allow_null=True)


class OrderPage(Page):
    data = Order(many=True)  # type: ignore[assignment]


class ProductPage(Page):
    data = Product(many=True)  # type: ignore[assignment]


def _query(name: str, kind: Any, description: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=description, **more)


def _answer_header(name: str, status: list[int], description: str) -> OpenApiParameter:
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, description=description, response=status
    )


LIMIT = _query(
    "limit",
    {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
    "How many on a page.",
)
CURSOR = _query("cursor", str, "`next_cursor` of the page before.")
LINK = _answer_header(
    "Link", [200], 'The next page as `<address>; rel="next"`, where there is one.'
)
KEY = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="1 to 255 printable ASCII characters, quoted or bare; a new one for every order. "
    "The same key with the same body gives the same answer for 7 days.",
    examples=[OpenApiExample("A random key", value='"8e03978e-40d5-43e8-bc93-6894a57f9324"')],
)
REPLAYED = _answer_header(
    "Idempotent-Replayed", [201], "`true` when this is the stored answer of an earlier request."
)
LOCATION = _answer_header("Location", [201], "The path of the order.")

PLACE_ORDER = extend_schema(
    operation_id="place_order",
    tags=["Orders"],
    summary="Place an order",
    description="The answer comes when the order is durable and its stock reserved. Payment goes "
    "on behind it; without `payment_method` the customer pays at `pay_url`. Goods that ship too "
    "late for a hold on a card are charged now with `charge_at_order`; otherwise the order is "
    "`unpaid`, and the customer gets a link to pay when the goods are near.",
    parameters=[KEY, REPLAYED, LOCATION],
    request=NewOrder,
    responses={201: Order, **errors(400, 401, 403, 409, 413, 415, 422, 429, 500, 503)},
    examples=[
        OpenApiExample("One mug", value=examples.NEW_ORDER, request_only=True),
        OpenApiExample("Placed", value=examples.ORDER, response_only=True, status_codes=["201"]),
    ],
)
LIST_ORDERS = extend_schema(
    operation_id="list_orders",
    tags=["Orders"],
    summary="List your orders, newest first",
    parameters=[
        _query("external_ref", str, "Your own reference."),
        _query(
            "status", {"type": "string", "enum": list(OrderState.values)}, "State of the order."
        ),
        LIMIT,
        CURSOR,
        LINK,
    ],
    responses={200: OrderPage, **errors(400, 401, 403, 429, 500, 503)},
)
GET_ORDER = extend_schema(
    operation_id="get_order",
    tags=["Orders"],
    summary="Read an order",
    parameters=[
        OpenApiParameter("public_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="ord_…")
    ],
    responses={200: Order, **errors(400, 401, 403, 404, 429, 500, 503)},
)
LIST_PRODUCTS = extend_schema(
    operation_id="list_products",
    tags=["Products"],
    summary="List products on sale, by SKU",
    parameters=[
        _query("q", str, "Words, all of which must occur in name, SKU or description."),
        LIMIT,
        CURSOR,
        LINK,
    ],
    responses={200: ProductPage, **errors(400, 401, 403, 429, 500, 503)},
)
GET_PRODUCT = extend_schema(
    operation_id="get_product",
    tags=["Products"],
    summary="Read a product",
    parameters=[OpenApiParameter("sku", OpenApiTypes.STR, OpenApiParameter.PATH)],
    responses={200: Product, **errors(400, 401, 403, 404, 429, 500, 503)},
)
