"""Invoices and credit notes for the customer, behind the order's secret link."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from orders.papers import as_pdf, render
from orders.queries.documents import find_document
from orders.views.order import get_order


@require_safe
@never_cache
def show(request: HttpRequest, number: str, secret: str, document: str) -> HttpResponse:
    """The document as PDF, to be opened where it was asked for."""
    found = find_document(order=get_order(number, secret), number=document)
    if found is None:
        raise Http404
    return as_pdf(render(found.content), name=found.number)
