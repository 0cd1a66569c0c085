"""Invoices of a file through the checkout."""

import csv
import signal
import threading
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from fulfillment.queries import available
from globalmart.core.models import OutboxEvent
from orders.imports.orders import OrderImport
from orders.imports.spool import open_spool
from orders.imports.stopping import stop_on_interrupt
from orders.models import Order, OrderLine, Promotion, ShippingMethod, ShippingRate
from orders.states import OrderState
from tests.orders.imports.sales import Sale, sales_file

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(tmp_path):
    """A shop that sells MUG-like codes 10001 (£2.00) and 10002 (£1.00), 100 of each."""
    method = ShippingMethod.objects.create(code="standard", name="Standard")
    ShippingRate.objects.create(method=method, currency="GBP", amount_minor=395)
    goods = sales_file(
        tmp_path / "goods.csv",
        Sale("900001", "10001", price="2.00"),
        Sale("900001", "10002", price="1.00"),
    )
    call_command(
        "import_catalogue", goods, stock=100, rejects=tmp_path / "r.csv", stdout=StringIO()
    )


@pytest.fixture
def run(shop, tmp_path):
    def run_file(*sales: Sale, **options) -> str:
        path = sales_file(tmp_path / "sales.csv", *sales)
        out = StringIO()
        call_command("import_orders", path, rejects=tmp_path / "out.csv", stdout=out, **options)
        return out.getvalue()

    return run_file


def rejects(folder: Path) -> list[tuple[str, str]]:
    with (folder / "out.csv").open(newline="") as file:
        return [(row["line"], row["reason"]) for row in csv.DictReader(file)]


class TestImportOrders:
    def test_places_one_order_per_invoice_from_scattered_rows(self, run):
        report = run(
            Sale("500001", "10001", quantity=2, customer="17850.0"),
            Sale("500002", "10002", quantity=1),
            Sale("500001", "10002", quantity=3),
            Sale("500001", "10001", quantity=1),
        )
        assert "4 read = 4 used + 0 rejected" in report
        assert "2 placed, 0 were already there" in report
        order = Order.objects.get(external_ref="500001")
        lines = dict(OrderLine.objects.filter(order=order).values_list("sku", "quantity"))
        assert lines == {"10001": 3, "10002": 3}
        assert order.email == "customer-17850@import.invalid"
        assert order.metadata == {
            "invoice_total_minor": "600",
            "invoice_date": "2010-12-01T08:26:00",
        }
        assert (order.api_client.name, order.currency) == ("import", "GBP")
        guest = Order.objects.get(external_ref="500002")
        assert guest.email == "invoice-500002@import.invalid"
        assert available(["10001", "10002"]) == {"10001": 97, "10002": 96}

    def test_sums_the_difference_to_our_prices(self, run):
        report = run(Sale("500001", "10001", quantity=2, price="3.00"), Sale("500001", "POST"))
        assert "Invoices of these orders: £7.00, of it £6.00 on the rows used" in report
        assert "Orders by our prices: £7.95, of it £3.95 shipping" in report
        assert "Difference (orders - invoices): £0.95" in report

    def test_places_the_rest_of_a_partly_rejected_invoice_and_lists_it(self, run, tmp_path):
        report = run(
            Sale("500001", "10001"),
            Sale("500001", "10002", quantity=101),
            Sale("500001", "99999"),
            Sale("C50001", "10001", quantity=-1),
            Sale("500002", "10001", country="Unspecified"),
        )
        assert "5 read = 1 used + 4 rejected" in report
        assert "1 placed, 0 were already there (1 without some of their rows)" in report
        assert "1 invoices without a usable row" in report
        assert rejects(tmp_path) == [
            ("3", "sold out"),
            ("4", "unknown SKU"),
            ("5", "return (C invoice)"),
            ("6", "country not mapped"),
        ]
        assert available(["10002"]) == {"10002": 100}

    def test_lists_what_is_too_little_to_charge(self, run, tmp_path):
        Promotion.objects.create(name="Nearly all", kind="percent", rate_bp=9_900)
        ShippingRate.objects.update(amount_minor=0)
        run(Sale("500001", "10001"))
        assert not Order.objects.exists()
        assert rejects(tmp_path) == [("2", "order refused")]

    def test_adds_nothing_when_run_again(self, run, tmp_path):
        sales = (
            Sale("500001", "10001"),
            Sale("500001", "10002", quantity=101),
            Sale("500001", "99999"),
            Sale("500002", "10002"),
        )
        run(*sales)
        before = rejects(tmp_path)
        events = OutboxEvent.objects.count()
        report = run(*sales)
        assert "0 placed, 2 were already there" in report
        assert "4 read = 2 used + 2 rejected" in report
        assert rejects(tmp_path) == before
        assert (Order.objects.count(), OutboxEvent.objects.count()) == (2, events)

    def test_goes_on_where_a_limit_stopped_it(self, run):
        sales = [Sale(f"50000{number}", "10001") for number in range(1, 8)]
        report = run(*sales, limit=3)
        assert "7 read = 3 used + 0 rejected + 4 not tried yet" in report
        assert "4 placed, 3 were already there" in run(*sales)
        assert Order.objects.count() == 7

    def test_begins_no_order_once_asked_to_stop(self, shop, tmp_path):
        path = sales_file(tmp_path / "sales.csv", Sale("500001", "10001"))
        stop = threading.Event()
        with open_spool() as spool:
            job = OrderImport(spool=spool, path=path, stop=stop, notify=False, limit=None)
            original = spool.load

            def load_then_stop(lines):
                total = original(lines)
                stop.set()
                return total

            spool.load = load_then_stop
            report = job.run(rejects=tmp_path / "out.csv")
        assert report.is_interrupted
        assert (report.placed, report.rows.untried) == (0, 1)
        assert not Order.objects.exists()

    def test_asks_for_messages_only_when_told(self, run):
        run(Sale("500001", "10001"), notify=True)
        assert Order.objects.get().metadata["notify"] == "1"

    def test_names_the_missing_shipping_method(self, run):
        ShippingMethod.objects.all().delete()
        with pytest.raises(CommandError, match="no active shipping method `standard`"):
            run(Sale("500001", "10001"))
        assert not Order.objects.exists()

    def test_refuses_live_keys(self, run, settings):
        settings.IS_LIVE = True
        with pytest.raises(CommandError, match="test card"):
            run(Sale("500001", "10001"))


class TestWaiting:
    def test_returns_when_all_are_final(self, run):
        sale = Sale("500001", "10001")
        run(sale)
        Order.objects.update(state=OrderState.COMPLETED)
        assert "Final: 1 completed" in run(sale, wait=True)

    def test_names_what_is_not_final(self, run):
        sale = Sale("500001", "10001")
        with pytest.raises(CommandError, match="1 orders are not final"):
            run(sale, wait=True, wait_timeout=0)


class TestStopping:
    def test_takes_the_first_signal_as_a_request(self):
        before = signal.getsignal(signal.SIGINT)
        with stop_on_interrupt() as stop:
            signal.raise_signal(signal.SIGINT)
            assert stop.is_set()
            assert signal.getsignal(signal.SIGINT) is before
        assert signal.getsignal(signal.SIGINT) is before
