"""Ada sends mugs back: two mugs and three cups that were shipped, paid and have arrived."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.utils import timezone

from fulfillment.gateways.wms import Receipt, ShipmentItem, WarehouseShipment
from fulfillment.models import ReturnReceipt, Shipment, Warehouse
from fulfillment.services import returns as receipts
from globalmart.core.models import Alert, TimelineEntry
from orders.models import Order, OrderLine, Return, ReturnLine
from orders.services.returns import inspecting, receiving, requesting
from orders.states import Decision, Disposition, Reception
from payments.models import OrderAccount, Refund
from tests.fulfillment.fakes import FakeWarehouse
from tests.orders.house import carry, leave, pay, submit

MUG, CUP = "MUG", "CUP"
STAFF = "staff:1"


def ship(order: Order, warehouse: FakeWarehouse, *, parcel_id: str = "S-1") -> Order:
    """Have the whole order leave; it is captured and completed."""
    submit(order)
    return depart(order, warehouse, parcel_id=parcel_id)


def depart(order: Order, warehouse: FakeWarehouse, *, parcel_id: str = "S-1") -> Order:
    """The warehouse tells that all of it has left, whatever it was asked meanwhile."""
    reference = f"{order.number}-1"
    lines = tuple(
        ShipmentItem(line.sku, line.quantity) for line in order.lines.order_by("position")
    )
    parcel = WarehouseShipment(parcel_id, "DHL", "JD014", "", timezone.now(), lines)
    leave(warehouse, reference, parcel)
    order.refresh_from_db()
    return order


def ask(
    order: Order, units: Mapping[str, int], *, actor: str = "customer", uuid: UUID | None = None
) -> Return:
    """Ask to send units back, by SKU."""
    places = positions(order)
    return requesting.request_return(
        order_id=order.pk,
        uuid=uuid or uuid4(),
        units={places[sku]: count for sku, count in units.items()},
        reasons={places[sku]: "does not fit" for sku in units},
        actor=actor,
        now=timezone.now(),
    )


def positions(order: Order) -> dict[str, int]:
    return dict(order.lines.values_list("sku", "position"))


def arrive(rma: Return, sku: str, quantity: int, reception: Reception = Reception.RECEIVED) -> None:
    """Staff note that so many have come."""
    receiving.receive_by_hand(
        return_id=rma.pk,
        uuid=uuid4(),
        sku=sku,
        quantity=quantity,
        reception=reception,
        actor=STAFF,
        now=timezone.now(),
    )
    rma.refresh_from_db()


def tell_receipt(
    sku: str, quantity: int, *, rma: str = "", reference: str = "", receipt_id: str = "R-1"
) -> ReturnReceipt:
    """The warehouse tells that it took something back, and orders hears of it."""
    told = Receipt(receipt_id, rma, reference, sku, quantity, "sellable", timezone.now())
    main = Warehouse.objects.get(code="main")
    receipts.record(warehouse_id=main.pk, receipts=[told], now=timezone.now())
    carry()
    return ReturnReceipt.objects.get(receipt_id=receipt_id)


def accept(rma: Return, *, quantity: int | None = None, actor: str = "system") -> None:
    """Take back all that has come and is undecided, or so many units of the first row of it."""
    rows = ReturnLine.objects.filter(rma=rma, decision=Decision.PENDING, reception="received")
    for row in rows.order_by("pk"):
        inspecting.inspect(
            row_id=row.pk,
            quantity=quantity or row.quantity,
            decision=Decision.ACCEPTED,
            disposition=Disposition.RESTOCK,
            actor=actor,
            now=timezone.now(),
        )
        if quantity:
            break
    pay()
    rma.refresh_from_db()


def deliver(order: Order, at: datetime) -> None:
    """The carrier tells that all parcels of the order are there."""
    parcels = Shipment.objects.filter(order=order)
    parcels.update(state="delivered", shipped_at=at, delivered_at=at)


def returned(order: Order) -> dict[str, int]:
    return dict(OrderLine.objects.filter(order=order).values_list("sku", "returned"))


def refunds(order: Order) -> list[tuple[str, int]]:
    return list(
        Refund.objects.filter(order=order).order_by("pk").values_list("state", "amount_minor")
    )


def refunded(order: Order) -> int:
    return OrderAccount.objects.get(order=order).refunded_minor


def told(order: Order) -> list[str]:
    """The kinds of what the timeline tells of returns."""
    entries = TimelineEntry.objects.filter(subject_id=order.pk, kind__startswith="return.")
    return list(entries.order_by("pk").values_list("after", flat=True))


def alerts() -> list[str]:
    return list(Alert.objects.filter(closed_at=None).values_list("kind", flat=True))


def long_ago(days: int) -> datetime:
    return timezone.now() - timedelta(days=days)
