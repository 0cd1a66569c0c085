"""The page that the `type` of every problem document points to."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from globalmart.core.problems import KINDS


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """List every problem code with its meaning and what the caller can do."""
    kinds = sorted(KINDS.items(), key=lambda item: (item[1].status, item[0]))
    return render(request, "core/problems.html", {"kinds": kinds})
