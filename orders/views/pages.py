"""Pages that only say something."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """What we keep, and why."""
    return render(request, "shop/privacy.html")


@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    """What works for whom, and what does not yet."""
    return render(request, "shop/accessibility.html")
