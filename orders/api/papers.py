"""An order's invoices and credit notes over HTTP."""

from typing import Any

from django.http import Http404, HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request

from globalmart.core.access import caller_of
from globalmart.core.api import ApiView, reply
from globalmart.core.schema import errors
from orders.api import scopes
from orders.models import Order
from orders.papers import as_pdf, render
from orders.queries import listing
from orders.queries.documents import bodies, find_document, list_papers
from orders.states import DocumentKind

ID = OpenApiParameter("public_id", OpenApiTypes.STR, OpenApiParameter.PATH, description="ord_…")
NUMBER = OpenApiParameter("number", OpenApiTypes.STR, OpenApiParameter.PATH)
FAILURES = errors(400, 401, 403, 404, 429, 500, 503)


class Document(serializers.Serializer[Any]):
    """Amounts are positive; the kind says whose they are. It never changes."""

    number = serializers.CharField()
    kind = serializers.CharField(help_text="One of: " + ", ".join(DocumentKind.values))
    refers_to = serializers.CharField(
        allow_null=True, help_text="The number of the document that it changes."
    )
    currency = serializers.CharField()
    net_minor = serializers.IntegerField()
    tax_minor = serializers.IntegerField()
    gross_minor = serializers.IntegerField()
    issued_at = serializers.DateTimeField()


class DocumentList(serializers.Serializer[Any]):
    data = Document(many=True)  # type: ignore[assignment]


class OrderDocuments(ApiView):
    scopes = {"GET": scopes.ORDERS_READ}

    @extend_schema(
        operation_id="list_documents",
        tags=["Orders"],
        summary="List an order's invoices and credit notes",
        parameters=[ID],
        responses={200: DocumentList, **FAILURES},
    )
    def get(self, request: Request, public_id: str) -> HttpResponse:
        """List the documents of one of your orders, first to last."""
        order = _find(request, public_id)
        return reply({"data": bodies(list_papers(order_id=order.pk))})


class OrderDocument(ApiView):
    scopes = {"GET": scopes.ORDERS_READ}

    @extend_schema(
        operation_id="get_document",
        tags=["Orders"],
        summary="Fetch an invoice or a credit note as PDF",
        parameters=[ID, NUMBER],
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, **FAILURES},
    )
    def get(self, request: Request, public_id: str, number: str) -> HttpResponse:
        """Fetch a document of one of your orders."""
        found = find_document(order=_find(request, public_id), number=number)
        if found is None:
            raise Http404
        return as_pdf(render(found.content), name=found.number)


def _find(request: Request, public_id: str) -> Order:
    order = listing.find_order(client_id=caller_of(request)[0].pk, public_id=public_id)
    if order is None:
        raise Http404
    return order
