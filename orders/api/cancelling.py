"""Cancel an order, or units of it, over HTTP."""

from typing import Any

from django.http import Http404, HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from globalmart.core import idempotency
from globalmart.core.access import caller_of
from globalmart.core.api import ApiView, reply
from globalmart.core.problems import KINDS, Kind, Problem
from globalmart.core.schema import errors
from orders.api import scopes
from orders.api.documents import KEY
from orders.api.fields import Line, WholeNumber
from orders.api.refusals import read_key
from orders.queries import listing
from orders.services import keyed_cancelling
from orders.services.cancelling import CannotCancel
from orders.states import CancellationState

KINDS.update(
    {
        "not_cancellable": Kind(
            409,
            "The order, or these units, cannot be cancelled now",
            "Show the customer `detail`, which says why.",
        ),
    }
)
# Chosen, not typed: the reason goes to the warehouse and into the order's story for ever.
REASONS = (
    "changed their mind",
    "ordered by mistake",
    "takes too long",
    "found elsewhere",
    "no reason given",
)
ID = OpenApiParameter("public_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="ord_…")


class Unwanted(serializers.Serializer[Any]):
    """So many units of a line that are not wanted any more."""

    sku = Line(max_length=40)
    quantity = WholeNumber(min_value=1, max_value=100_000)


class NewCancellation(serializers.Serializer[Any]):
    """What is to be cancelled. Without `lines` it is the whole order."""

    lines = serializers.ListSerializer[Any](
        child=Unwanted(), allow_empty=False, max_length=1000, required=False, allow_null=True
    )
    reason = serializers.ChoiceField(choices=REASONS, required=False, default=REASONS[-1])


class CancelledLine(serializers.Serializer[Any]):
    sku = serializers.CharField()
    quantity = serializers.IntegerField(help_text="Units that were asked for.")
    cancelled = serializers.IntegerField(help_text="Units that were given up.")


class Cancellation(serializers.Serializer[Any]):
    """What became of the wish; the order itself says how it stands later."""

    order_id = serializers.CharField()
    status = serializers.CharField(
        help_text="One of, and later maybe more: " + ", ".join(CancellationState.values)
    )
    is_whole = serializers.BooleanField()
    lines = CancelledLine(many=True, help_text="Empty where it is the whole order.")
    requested_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)


_shape = NewCancellation()


class OrderCancel(ApiView):
    scopes = {"POST": scopes.ORDERS_WRITE}

    @extend_schema(
        operation_id="cancel_order",
        tags=["Orders"],
        summary="Cancel an order, or units of it",
        description="200: decided; `status` says how. 202: bank or warehouse are asked; read the "
        "order until its lines say what was cancelled. Goods that have left win. Money follows: "
        "what is held is released, what was captured is refunded.",
        parameters=[ID, KEY],
        request=NewCancellation,
        responses={
            200: Cancellation,
            202: Cancellation,
            **errors(400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 503),
        },
    )
    def post(self, request: Request, public_id: str) -> HttpResponse:
        """Ask for it once per key."""
        key = read_key(request.headers.get("Idempotency-Key"))
        client, _ = caller_of(request)
        if not isinstance(request.data, dict):
            raise Problem(code="invalid", detail="Send a JSON object.")
        wish = _shape.run_validation(request.data)
        order = listing.find_order(client_id=client.pk, public_id=public_id)
        if order is None:
            raise Http404
        try:
            answer = keyed_cancelling.cancel(
                key_scope=f"api:{client.pk}",
                key=key,
                request_hash=idempotency.fingerprint({"cancel": public_id, **request.data}),
                order_id=order.pk,
                units=_units(wish["lines"]) if wish.get("lines") else None,
                reason=wish["reason"],
                actor=f"api:{client.pk}",
                now=timezone.now(),
            )
        except CannotCancel as error:
            raise Problem(code="not_cancellable", detail=str(error)) from error
        except keyed_cancelling.UnknownLine as error:
            detail = "The order has no line with this SKU."
            place = next(n for n, each in enumerate(wish["lines"]) if each["sku"] == error.sku)
            pointer = {"pointer": f"/lines/{place}/sku", "detail": detail}
            raise Problem(code="invalid", detail=detail, errors=[pointer]) from error
        except idempotency.KeyReused as error:
            raise Problem(code="idempotency_key_reused") from error
        except idempotency.KeyBusy as error:
            raise Problem(code="idempotency_key_in_use", headers={"Retry-After": "1"}) from error
        headers = {"Idempotent-Replayed": "true"} if answer.is_replay else {}
        return reply(answer.body, status=answer.status, headers=headers)


def _units(lines: list[dict[str, Any]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in lines:
        found[each["sku"]] = found.get(each["sku"], 0) + each["quantity"]
    return found
