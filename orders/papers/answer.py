"""A PDF as the answer to a request."""

from django.http import HttpResponse


def as_pdf(printed: bytes, *, name: str) -> HttpResponse:
    """Return the answer that shows a PDF, saved as NAME.pdf. It names people: nobody between, nor
    the browser, may keep it."""
    response = HttpResponse(printed, content_type="application/pdf")
    response.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    response.headers["Cache-Control"] = "no-store"
    return response
