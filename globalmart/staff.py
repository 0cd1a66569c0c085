"""What the staff's pages share across apps: the sidebar, and the sign that tells demo from live."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse_lazy

# Group -> (title, icon, model's admin name). Names, not imports: this file stands below the apps.
SIDEBAR = {
    "Orders": [
        ("Orders", "receipt_long", "orders_order"),
        ("Phone orders", "phone_in_talk", "orders_orderdraft"),
        ("Holds", "front_hand", "orders_orderhold"),
        ("Returns", "assignment_return", "orders_return"),
        ("Baskets", "shopping_basket", "orders_basket"),
        ("Invoices and credit notes", "description", "orders_document"),
        ("Legal entities", "domain", "orders_legalentity"),
        ("Messages", "mail", "notifications_message"),
    ],
    "Payments": [
        ("Attempts", "credit_card", "payments_paymentattempt"),
        ("Accounts", "account_balance_wallet", "payments_orderaccount"),
        ("Operations", "sync_alt", "payments_paymentoperation"),
        ("Refunds", "undo", "payments_refund"),
        ("Disputes", "gavel", "payments_dispute"),
        ("Fraud warnings", "gpp_maybe", "payments_fraudwarning"),
        ("Payment cases", "report", "payments_paymentcase"),
        ("Ledger", "account_balance", "payments_ledgerentry"),
        ("Stripe events", "webhook", "payments_stripeevent"),
    ],
    "Fulfillment": [
        ("Requests", "forklift", "fulfillment_fulfillment"),
        ("Parcels", "local_shipping", "fulfillment_shipment"),
        ("Stock", "inventory_2", "fulfillment_stock"),
        ("Reservations", "bookmark", "fulfillment_reservation"),
        ("Adjustments", "tune", "fulfillment_stockadjustment"),
        ("Return receipts", "inventory", "fulfillment_returnreceipt"),
        ("Warehouses", "warehouse", "fulfillment_warehouse"),
        ("Holidays", "event_busy", "fulfillment_warehouseholiday"),
        ("Carriers", "airport_shuttle", "fulfillment_carrier"),
    ],
    "Catalogue": [
        ("Products", "sell", "orders_product"),
        ("Price lists", "list_alt", "orders_pricelist"),
        ("Prices", "payments", "orders_price"),
        ("Vouchers", "confirmation_number", "orders_voucher"),
        ("Promotions", "percent_discount", "orders_promotion"),
        ("Categories", "category", "orders_category"),
        ("Shipping methods", "package_2", "orders_shippingmethod"),
        ("Shipping zones", "public", "orders_shippingzone"),
        ("Tax rates", "percent", "orders_taxrate"),
    ],
    "Works": [
        ("Alerts", "notifications_active", "core_alert"),
        ("Timeline", "timeline", "core_timelineentry"),
        ("Outbox", "outbox", "core_outboxevent"),
        ("Deliveries", "move_to_inbox", "core_delivery"),
        ("Heartbeats", "ecg_heart", "core_heartbeat"),
    ],
    "Access": [
        ("Staff", "badge", "auth_user"),
        ("Groups", "groups", "auth_group"),
        ("API clients", "hub", "core_apiclient"),
        ("API keys", "key", "core_apikey"),
    ],
}


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar's groups with what this person may see."""
    groups = []
    for title, items in SIDEBAR.items():
        links = [
            {"title": name, "icon": icon, "link": reverse_lazy(f"admin:{admin}_changelist")}
            for name, icon, admin in items
            if request.user.has_perm("{}.view_{}".format(*admin.split("_", 1)))
        ]
        if links:
            groups.append({"title": title, "separator": True, "items": links})
    return groups


def environment(request: HttpRequest) -> list[str]:
    """Return the sign at the top of every page: which kind of installation this is."""
    if settings.IS_LIVE:
        return ["Live", "danger"]
    return [settings.ENVIRONMENT.capitalize(), "warning"]
