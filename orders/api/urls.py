"""Addresses of the API. A slash at the end is accepted, never asked for, never redirected to."""

from django.urls import re_path

from orders.api import cancelling, papers, views

app_name = "api"
urlpatterns = [
    re_path(r"^orders/?$", views.OrderList.as_view(), name="orders"),
    re_path(
        r"^orders/(?P<public_id>ord_[0-9A-Za-z]{1,36})/?$",
        views.OrderDetail.as_view(),
        name="order",
    ),
    re_path(
        r"^orders/(?P<public_id>ord_[0-9A-Za-z]{1,36})/cancel/?$",
        cancelling.OrderCancel.as_view(),
        name="order_cancel",
    ),
    re_path(
        r"^orders/(?P<public_id>ord_[0-9A-Za-z]{1,36})/documents/?$",
        papers.OrderDocuments.as_view(),
        name="documents",
    ),
    re_path(
        r"^orders/(?P<public_id>ord_[0-9A-Za-z]{1,36})/documents/(?P<number>[^/]{1,40})\.pdf$",
        papers.OrderDocument.as_view(),
        name="document",
    ),
    re_path(r"^products/?$", views.ProductList.as_view(), name="products"),
    re_path(r"^products/(?P<sku>[^/]{1,40})/?$", views.ProductDetail.as_view(), name="product"),
]
