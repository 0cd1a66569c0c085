"""Ada's orders through all rooms: events are carried, calls to Stripe sent, requests worked."""

from datetime import datetime

from django.utils import timezone

from fulfillment.gateways.wms import WarehouseLine, WarehouseShipment
from fulfillment.models import Fulfillment
from fulfillment.services import shipments
from fulfillment.services.stock import adjust, ensure_warehouse
from globalmart.core.choreography import wiring
from globalmart.core.jobs import handle
from globalmart.core.models import Delivery, OutboxEvent
from orders.models import Order, OrderLine
from orders.services import lifecycle
from payments.models import OrderAccount, PaymentOperation
from payments.services import refunding
from payments.services.operations import send_operation
from tests import builders
from tests.fulfillment.fakes import FakeWarehouse
from tests.fulfillment.working import work


def carry() -> None:
    """Carry all events to the consumers in orders, once each, as relay and worker do."""
    for event in OutboxEvent.objects.order_by("id"):
        for consumer in wiring().consumers.get(event.name, ()):
            if consumer.handler.startswith("orders."):
                row, is_new = Delivery.objects.get_or_create(
                    event=event, consumer=consumer.handler, queue=consumer.queue
                )
                if is_new:
                    handle(delivery_id=row.pk)


def pay() -> None:
    """Send every call to Stripe that is due, and carry what comes of it, until all is quiet."""
    for _ in range(12):
        carry()
        due = PaymentOperation.objects.filter(finished_at__isnull=True, due_at__isnull=False)
        due.update(due_at=timezone.now(), lease_until=None)
        found = list(due.order_by("pk"))
        if not found:
            return
        for operation in found:
            if operation.refund_id:
                refunding.send_refund(operation_id=operation.pk)
            else:
                send_operation(operation_id=operation.pk)
    raise AssertionError("Stripe is asked for ever")


def split_between_two_warehouses() -> Order:
    """Paid mugs and cups, the cups from a second warehouse; neither was asked yet."""
    ensure_warehouse(code="away", name="Far warehouse")
    for code, units in (("main", -6), ("away", 6)):
        adjust(warehouse_code=code, deltas={"CUP": units}, reason="moved", actor="test")
    order = builders.place({"MUG": 2, "CUP": 3})
    pay()
    lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=now())
    return order


def submit(order: Order) -> None:
    """Send all requests of the order that are due."""
    for row in Fulfillment.objects.filter(order=order):
        work(row)
    carry()


def leave(
    warehouse: FakeWarehouse,
    reference: str,
    *parcels: WarehouseShipment,
    status: str = "shipped",
    **short: int,
) -> None:
    """Have the warehouse tell of parcels; with `short`, that it closed the rest."""
    row = Fulfillment.objects.get(reference=reference)
    lines = tuple(
        WarehouseLine(line.sku, line.quantity, 0, short[line.sku], "damaged")
        for line in row.lines.all()
        if line.sku in short
    )
    told = "closed_short" if short else status
    found = warehouse.show(reference, told, *parcels, lines=lines)  # type: ignore[arg-type]
    shipments.record(warehouse_id=row.warehouse_id, found=found)
    pay()


def state(order: Order) -> str:
    return Order.objects.get(pk=order.pk).state


def units(order: Order) -> list[tuple[str, int, int, int]]:
    """SKU, ordered, shipped, cancelled of each line, by SKU."""
    rows = OrderLine.objects.filter(order=order).order_by("sku")
    return list(rows.values_list("sku", "quantity", "shipped", "cancelled"))


def money(order: Order) -> tuple[int, int, int, int]:
    """Due, held or captured, captured, and refunded."""
    found = OrderAccount.objects.get(order=order)
    return (
        found.due_minor,
        found.authorized_minor,
        found.captured_minor,
        found.refunded_minor,
    )


def now() -> datetime:
    return timezone.now()
