"""Products out of past sales."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from fulfillment.queries import available
from orders.models import Price, Product

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
AT = "2010-12-01 08:26:00"


def rows(*parts: tuple[str, str, str, str]) -> str:
    return HEADER + "".join(
        f"{invoice},{code},{text},1,{AT},{price},,United Kingdom\n"
        for invoice, code, text, price in parts
    )


@pytest.fixture
def import_file(tmp_path):
    def run(text: str, **options) -> str:
        path = tmp_path / "sales.csv"
        path.write_text(text)
        out = StringIO()
        call_command(
            "import_catalogue", path, rejects=tmp_path / "rejects.csv", stdout=out, **options
        )
        return out.getvalue()

    return run


@pytest.mark.django_db
class TestImportCatalogue:
    def test_takes_the_usual_name_and_the_median_price(self, import_file):
        import_file(
            rows(
                ("100001", "85123a", "BLUE MUG", "2.00"),
                ("100002", "85123A ", "BLUE MUG", "3.00"),
                ("100003", "85123A", "MUG IN BLUE", "9.99"),
                ("100004", "85123A", "", "4.01"),
            )
        )
        product = Product.objects.get()
        assert (product.sku, product.name) == ("85123A", "BLUE MUG")
        # The two in the middle are 3.00 and 4.01: 3.505, and half a penny goes up.
        assert Price.objects.get().amount_minor == 351
        assert Price.objects.get().price_list.currency == "GBP"

    def test_prefers_a_clean_name_to_a_frequent_note(self, import_file):
        import_file(
            rows(
                ("100001", "85123A", "FOUND", "2.00"),
                ("100002", "85123A", "FOUND", "2.00"),
                ("100003", "85123A", "BLUE MUG", "2.00"),
            )
        )
        assert Product.objects.get().name == "BLUE MUG"

    def test_rejects_codes_that_no_row_describes(self, import_file, tmp_path):
        report = import_file(
            rows(("100001", "85123A", "", "2.00"), ("100002", "10002", "RED MUG", "1.00"))
        )
        assert "2 read = 1 used + 1 rejected" in report
        assert "no description" in report
        assert list(Product.objects.values_list("sku", flat=True)) == ["10002"]
        assert "sales.csv,2,no description" in (tmp_path / "rejects.csv").read_text()

    def test_books_opening_stock_once_and_only_when_asked(self, import_file):
        text = rows(("100001", "85123A", "BLUE MUG", "2.00"))
        import_file(text)
        assert available(["85123A"]) == {"85123A": 0}
        assert "of each of 1 products" in import_file(text, stock=50)
        assert "of each of 0 products" in import_file(text, stock=50)
        assert available(["85123A"]) == {"85123A": 50}

    def test_leaves_what_is_there(self, import_file):
        text = rows(("100001", "85123A", "BLUE MUG", "2.00"))
        import_file(text)
        Product.objects.update(name="Our best mug")
        Price.objects.update(amount_minor=999)
        assert "0 created, 1 were already there" in import_file(text)
        assert Product.objects.get().name == "Our best mug"
        assert Price.objects.get().amount_minor == 999

    def test_keeps_a_formula_out_of_the_rejects(self, import_file, tmp_path):
        import_file(rows(("100001", "=1+1", "MUG", "2.00")))
        assert "'=1+1" in (tmp_path / "rejects.csv").read_text()

    def test_says_what_is_wrong_with_the_file(self, tmp_path):
        with pytest.raises(CommandError, match="No such file"):
            call_command("import_catalogue", tmp_path / "none.csv")
