"""Addresses of the shop."""

from django.urls import path

from orders.views import (
    basket,
    cancelling,
    catalogue,
    checkout,
    documents,
    lookup,
    missing,
    order,
    pages,
    pay,
    pictures,
    placing,
    returning,
    withdrawing,
)

app_name = "orders"
urlpatterns = [
    path("", catalogue.home, name="home"),
    path("c/<slug:slug>/", catalogue.category, name="category"),
    path("search", catalogue.search, name="search"),
    path("p/<slug:slug>/", catalogue.product, name="product"),
    path("p/<slug:slug>/picture.svg", pictures.picture, name="picture"),
    path("basket/", basket.show, name="basket"),
    path("basket/add/", basket.add, name="basket_add"),
    path("basket/change/", basket.change, name="basket_change"),
    path("basket/voucher/", basket.voucher, name="basket_voucher"),
    path("checkout/contact/", checkout.contact, name="contact"),
    path("checkout/delivery/", checkout.delivery, name="delivery"),
    path("checkout/review/", checkout.review, name="review"),
    path("checkout/place/", placing.place, name="place"),
    path("checkout/return/<uuid:attempt>/", placing.come_back, name="return"),
    path("orders/find/", lookup.find, name="find"),
    path("orders/found/<str:number>/", lookup.found, name="found"),
    path("orders/<str:number>/<str:secret>/", order.show, name="order"),
    path("orders/<str:number>/<str:secret>/status/", order.status, name="order_status"),
    path("orders/<str:number>/<str:secret>/cancel/", cancelling.cancel, name="cancel"),
    path("orders/<str:number>/<str:secret>/missing/", missing.show, name="missing"),
    path(
        "orders/<str:number>/<str:secret>/missing/<int:shortage_id>/",
        missing.choose,
        name="missing_choose",
    ),
    path("orders/found/<str:number>/withdraw/", withdrawing.from_lookup, name="withdraw_found"),
    path(
        "orders/found/<str:number>/withdraw/received/",
        withdrawing.received_lookup,
        name="withdrawn_found",
    ),
    path("orders/<str:number>/<str:secret>/withdraw/", withdrawing.from_order, name="withdraw"),
    path(
        "orders/<str:number>/<str:secret>/withdraw/received/",
        withdrawing.received,
        name="withdrawn",
    ),
    path("orders/<str:number>/<str:secret>/return/", returning.start, name="return_start"),
    path("orders/<str:number>/<str:secret>/return/<str:rma>/", returning.show, name="return_show"),
    path(
        "orders/<str:number>/<str:secret>/return/<str:rma>/label.pdf",
        returning.label,
        name="return_label",
    ),
    path(
        "orders/<str:number>/<str:secret>/return/<str:rma>/<str:action>/",
        returning.act,
        name="return_act",
    ),
    path(
        "orders/<str:number>/<str:secret>/documents/<str:document>.pdf",
        documents.show,
        name="document",
    ),
    path("orders/<str:number>/<str:secret>/pay/", pay.show, name="pay"),
    path("orders/<str:number>/<str:secret>/pay/start/", pay.start, name="pay_start"),
    path("privacy/", pages.privacy, name="privacy"),
    path("accessibility/", pages.accessibility, name="accessibility"),
]
