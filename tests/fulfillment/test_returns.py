"""What a warehouse took back is recorded once, and belongs to an order or to staff."""

from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from fulfillment.gateways.wms import Receipt
from fulfillment.models import Fulfillment, ReturnReceipt, Warehouse
from fulfillment.services import returns
from globalmart.core.models import OutboxEvent, TimelineEntry
from tests.builders import NOON
from tests.fulfillment.conftest import levels

RECEIPT = Receipt("R-1", "", "", "MUG", 2, "damaged", NOON)


def record(*receipts: Receipt) -> None:
    returns.record(
        warehouse_id=Warehouse.objects.get(code="main").pk, receipts=receipts, now=timezone.now()
    )


def notes() -> list[dict[str, object]]:
    return list(
        TimelineEntry.objects.filter(kind="receipt.recorded").values_list("data", flat=True)
    )


class TestRecord:
    def test_gives_it_to_the_order_of_the_request(self, request_row: Fulfillment) -> None:
        before = levels()
        record(replace(RECEIPT, reference=request_row.reference))

        assert ReturnReceipt.objects.get().order_id == request_row.order_id
        assert notes() == [{"receipt": "R-1", "sku": "MUG", "units": 2, "condition": "damaged"}]
        assert OutboxEvent.objects.filter(name="return.received").count() == 1
        # The warehouse's counts tell of the goods.
        assert levels() == before

    def test_knows_the_order_by_its_number_too(self, request_row: Fulfillment) -> None:
        with CaptureQueriesContext(connection) as context:
            record(replace(RECEIPT, reference=request_row.order_number))
        assert ReturnReceipt.objects.get().order_id == request_row.order_id
        # Order numbers have no index there.
        asked = [each["sql"].partition("WHERE")[2] for each in context.captured_queries]
        assert not [where for where in asked if "order_number" in where]

    def test_happens_once_however_often_it_is_told(self, request_row: Fulfillment) -> None:
        told = replace(RECEIPT, reference=request_row.reference)
        record(told, told)
        record(told)
        record(told, replace(told, receipt_id="R-2"))

        assert ReturnReceipt.objects.count() == len(notes()) == 2

    def test_of_the_same_id_in_another_warehouse_is_another(self, request_row: Fulfillment) -> None:
        other = Warehouse.objects.create(code="north", name="North")
        record(RECEIPT)
        returns.record(warehouse_id=other.pk, receipts=[RECEIPT], now=timezone.now())
        assert ReturnReceipt.objects.count() == 2

    @pytest.mark.parametrize("reference", ["", "GM-NOBODY-1"])
    def test_that_names_no_order_is_kept_and_told(
        self, request_row: Fulfillment, reference: str
    ) -> None:
        record(replace(RECEIPT, reference=reference))
        record(replace(RECEIPT, receipt_id="R-2", reference=reference))

        told = OutboxEvent.objects.filter(name="return.received")
        assert set(told.values_list("subject_id", flat=True)) == {
            row.pk for row in ReturnReceipt.objects.filter(order=None)
        }
        assert ReturnReceipt.objects.count() == 2
        assert notes() == []
