"""All addresses. Apps are named by dotted strings, so that nothing here imports upward."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from globalmart.core import error_pages, health, problem_pages

urlpatterns = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("api/v1/", include("orders.api.urls")),
    path("api/schema/", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    path("api/docs/problems/", problem_pages.problems, name="api-problems"),
    re_path(r"^api/?$", RedirectView.as_view(pattern_name="api-docs")),
    path("webhooks/", include("payments.urls")),
    path("hooks/", include("fulfillment.urls")),
    path("admin/", admin.site.urls),
    path("", include("orders.urls")),
]
handler400 = error_pages.bad_request
handler403 = error_pages.forbidden
handler404 = error_pages.not_found
handler500 = error_pages.server_error
