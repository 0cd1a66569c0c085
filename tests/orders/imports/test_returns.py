"""C-invoices reverse the sales that fit them, once; the others are listed with their reason."""

import csv
from collections import Counter
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from orders.models import Order, OrderLine, Return
from payments.models import LedgerEntry, Refund
from tests import builders
from tests.fulfillment.fakes import FakeWarehouse
from tests.orders.house import pay
from tests.orders.imports.sales import Sale, sales_file
from tests.orders.returns import story
from tests.payments.fakes import FakeStripe

Run = Callable[..., str]
pytestmark = pytest.mark.django_db(transaction=True)
ADA = {"customer": "17850"}
SALES = (
    Sale("500001", "10001", quantity=3, **ADA),
    Sale("500002", "10001", quantity=2, **ADA),
    Sale("500003", "10002", quantity=5, customer="13047"),
)
RETURNS = (
    # The later of the two sales that fit.
    Sale("C50004", "10001", quantity=-2, **ADA),
    # Of that one nothing is left: the earlier.
    Sale("C50004", "10001", quantity=-1, **ADA),
    # Three were sold, and one came back.
    Sale("C50005", "10001", quantity=-3, **ADA),
    # Somebody else's, nobody's, and no goods.
    Sale("C50006", "10002", quantity=-1, **ADA),
    Sale("C50007", "10002", quantity=-1),
    Sale("C50008", "POST", quantity=-1, customer="13047"),
)


@pytest.fixture
def run(stripe: FakeStripe, warehouse: FakeWarehouse, tmp_path: Path) -> Run:
    builders.open_shop()
    builders.add_product("10001", price_minor=200, on_hand=100)
    builders.add_product("10002", price_minor=100, on_hand=100)

    def run_file(*sales: Sale) -> str:
        path, out = sales_file(tmp_path / "sales.csv", *sales), StringIO()
        call_command("import_orders", path, rejects=tmp_path / "out.csv", stdout=out)
        return out.getvalue()

    return run_file


def leave_all(warehouse: FakeWarehouse) -> None:
    pay()
    for order in Order.objects.order_by("pk"):
        story.ship(order, warehouse, parcel_id=f"S-{order.pk}")


def rejects(folder: Path) -> list[tuple[str, str]]:
    with (folder / "out.csv").open(newline="") as file:
        return [(row["invoice"], row["detail"]) for row in csv.DictReader(file)]


class TestImportReturns:
    def test_waits_until_the_sales_are_done_and_books_each_once(
        self, run: Run, warehouse: FakeWarehouse, tmp_path: Path
    ) -> None:
        early = run(*SALES, *RETURNS)
        assert "Returns: 0 rows of C-invoices booked" in early
        assert "Waiting: 2 returns whose orders are not completed yet" in early
        assert "9 read = 3 used + 4 rejected + 2 not tried yet" in early

        leave_all(warehouse)
        report = run(*SALES, *RETURNS)
        pay()
        assert "Returns: 2 rows of C-invoices booked, 0 were already there, 2 reverse" in report
        assert "9 read = 3 used + 2 returned + 4 rejected" in report
        assert rejects(tmp_path) == [
            ("C50005", "no sale of so many to this customer before it"),
            ("C50006", "no sale of so many to this customer before it"),
            ("C50007", "no customer"),
            ("C50008", "stock code is no goods"),
        ]
        back = OrderLine.objects.values_list("order__external_ref", "returned")
        assert dict(back) == {"500001": 1, "500002": 2, "500003": 0}
        assert set(Return.objects.values_list("state", flat=True)) == {"closed"}
        refunds = Refund.objects.order_by("pk").values_list("amount_minor", "state")
        assert list(refunds) == [(400, "succeeded"), (200, "succeeded")]

        again = run(*SALES, *RETURNS)
        assert "Returns: 0 rows of C-invoices booked, 2 were already there" in again
        assert Return.objects.count() == 2

    def test_leaves_the_ledger_at_zero(self, run: Run, warehouse: FakeWarehouse) -> None:
        run(*SALES)
        leave_all(warehouse)
        run(*SALES, *RETURNS)
        pay()
        sums: Counter[str] = Counter()
        for entry in LedgerEntry.objects.all():
            sums[entry.currency] += entry.amount_minor
        assert sums == {"GBP": 0}
