"""Addresses of the shop."""

from django.urls import path

from orders.views import (
    basket,
    cancelling,
    catalogue,
    checkout,
    lookup,
    missing,
    order,
    pages,
    pay,
    pictures,
    placing,
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
    path("orders/<str:number>/<str:secret>/pay/", pay.show, name="pay"),
    path("orders/<str:number>/<str:secret>/pay/start/", pay.start, name="pay_start"),
    path("privacy/", pages.privacy, name="privacy"),
    path("accessibility/", pages.accessibility, name="accessibility"),
]
