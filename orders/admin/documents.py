"""Invoices and credit notes for staff: to read and to print, never to change."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html

from globalmart.core.admin import HouseAdmin, chip, money
from orders.models import Document, DocumentSeries, LegalEntity
from orders.papers import as_pdf, render


@admin.register(LegalEntity)
class LegalEntityAdmin(HouseAdmin):
    list_display = ("name", "code", "country", "tax_number", "invoice_prefix", "is_default")
    search_fields = ("name", "=code")
    ordering = ("code",)
    can_add = True
    set_once = ("code", "invoice_prefix", "credit_note_prefix", "reversal_prefix")
    editable = ("name", "address", "country", "tax_number", "email", "countries", "is_default")


@admin.register(DocumentSeries)
class DocumentSeriesAdmin(HouseAdmin):
    list_display = ("entity", "kind", "year", "last_number")
    list_filter = ("kind", "year")
    list_select_related = ("entity",)
    ordering = ("-year", "entity", "kind")


@admin.display(description="PDF")
def pdf(row: Document) -> str:
    """A link to the document as it is printed."""
    address = reverse("admin:orders_document_pdf", args=[row.pk])
    return format_html('<a href="{}">Open {}.pdf</a>', address, row.number)


@admin.register(Document)
class DocumentAdmin(HouseAdmin):
    list_display = ("number", chip("kind"), "order", money("gross_minor"), "issued_at", pdf)
    list_filter = ("kind", "issued_at")
    list_select_related = ("order",)
    search_fields = ("=number", "=order__number")
    search_help_text = "The document's or the order's number, in full"
    ordering = ("-id",)
    hidden = ("content",)
    shows = (pdf,)

    def get_urls(self) -> list[Any]:
        """Add the PDF."""
        guard = self.admin_site.admin_view
        name = "orders_document_pdf"
        return [path("<int:document_id>/pdf/", guard(self._pdf), name=name), *super().get_urls()]

    def _pdf(self, request: HttpRequest, document_id: int) -> HttpResponse:
        found = Document.objects.filter(pk=document_id).first()
        if found is None or not self.has_view_permission(request, found):
            raise Http404
        return as_pdf(render(found.content), name=found.number)
