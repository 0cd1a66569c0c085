"""The file: lines, decoding, records; nothing is skipped."""

from pathlib import Path

import pytest

from orders.imports.cleaning import Reason, clean_record, is_clean_description
from orders.imports.countries import COUNTRIES, find_country
from orders.imports.reading import Record, UnreadableFile, read_records

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
GOOD = ("536365", "85123a ", " MUG  BLUE", "6", "2010-12-01 08:26:00", "2.55", "17850.0", "EIRE")


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "sales.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def clean(**changes: str):
    names = ("invoice", "sku", "description", "quantity", "date", "price", "customer", "country")
    fields = dict(zip(names, GOOD, strict=True)) | changes
    return clean_record(record=Record(7, tuple(fields[name] for name in names)))


class TestReading:
    def test_numbers_records_by_the_physical_line_that_they_start_on(self, tmp_path):
        text = HEADER + '1,A,"two\nlines",1,d,1,,x\n2,B,b,1,d,1,,x\n'
        lines = [(r.line, r.fields[0]) for r in read_records(path=write(tmp_path, text))]
        assert lines == [(2, "1"), (4, "2")]

    def test_gives_wrong_field_counts_and_empty_lines_as_problems(self, tmp_path):
        text = HEADER + "1,2,3\n\n1,A,b,1,d,1,,x\n"
        records = list(read_records(path=write(tmp_path, text)))
        assert [bool(r.problem) for r in records] == [True, True, False]
        assert [r.line for r in records] == [2, 3, 4]

    def test_goes_on_after_a_field_that_csv_refuses(self, tmp_path):
        text = HEADER + "1," + "x" * 140_000 + ",b,1,d,1,,x\n2,B,b,1,d,1,,x\n"
        records = list(read_records(path=write(tmp_path, text)))
        assert "larger than field limit" in records[0].problem
        assert records[1].fields[0] == "2"

    def test_reads_utf_8_with_mark_and_windows_1252_line_by_line(self, tmp_path):
        body = "1,A,CAFÉ,1,d,1,,x\n".encode() + "2,A,£5 CAFÉ,1,d,1,,x\n".encode("cp1252")
        path = write(tmp_path, b"\xef\xbb\xbf" + HEADER.encode() + body)
        assert [r.fields[2] for r in read_records(path=path)] == ["CAFÉ", "£5 CAFÉ"]

    def test_finds_columns_by_name(self, tmp_path):
        text = "Country,InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
        record = next(read_records(path=write(tmp_path, text + "RSA,1,A,b,1,d,1,9\n")))
        assert record.fields == ("1", "A", "b", "1", "d", "1", "9", "RSA")

    @pytest.mark.parametrize("text", ["", "a,b\n1,2\n"])
    def test_refuses_a_file_without_the_columns(self, tmp_path, text):
        with pytest.raises(UnreadableFile, match="names no column"):
            list(read_records(path=write(tmp_path, text)))

    def test_refuses_an_absent_file_and_an_endless_line(self, tmp_path):
        with pytest.raises(UnreadableFile, match="No such file"):
            list(read_records(path=tmp_path / "none.csv"))
        with pytest.raises(UnreadableFile, match="longer than"):
            list(read_records(path=write(tmp_path, HEADER + "x" * 1_100_000)))


class TestCleaning:
    def test_trims_upper_cases_and_types(self):
        line = clean()
        assert (line.sku, line.description, line.quantity, line.price_minor) == (
            "85123A",
            "MUG BLUE",
            6,
            255,
        )
        assert (line.customer, line.invoiced_at, line.reason) == (
            "17850",
            "2010-12-01T08:26:00",
            None,
        )

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"invoice": "C536365", "quantity": "-6"}, Reason.RETURN),
            ({"invoice": "c536365"}, Reason.RETURN),
            ({"invoice": "A563185"}, Reason.NOT_SALE),
            ({"sku": "POST"}, Reason.NOT_GOODS),
            ({"sku": "m"}, Reason.NOT_GOODS),
            ({"sku": "23444"}, Reason.NOT_GOODS),
            ({"quantity": "0"}, Reason.QUANTITY),
            ({"quantity": "-3"}, Reason.QUANTITY),
            ({"price": "0.0"}, Reason.PRICE),
            ({"price": "0.004"}, Reason.PRICE),
            ({"price": "-1"}, Reason.PRICE),
            ({"quantity": "1.5"}, Reason.MALFORMED),
            ({"quantity": "NaN"}, Reason.MALFORMED),
            ({"quantity": "9" * 12}, Reason.MALFORMED),
            ({"price": "1e3"}, Reason.MALFORMED),
            ({"date": "yesterday"}, Reason.MALFORMED),
            ({"customer": "ada"}, Reason.MALFORMED),
        ],
    )
    def test_gives_one_reason_to_what_cannot_be_used(self, changes, reason):
        assert clean(**changes).reason is reason

    def test_keeps_goods_with_letters_and_the_party_gifts(self):
        assert clean(sku="15056bl").reason is None
        assert clean(sku="DCGSSGIRL").reason is None

    def test_reads_the_dates_of_the_first_publication(self):
        assert clean(date="12/1/2010 8:26").invoiced_at == "2010-12-01T08:26:00"

    def test_removes_what_the_database_cannot_store(self):
        assert clean(description="MUG\x00BLUE").description == "MUG BLUE"

    @pytest.mark.parametrize("text", ["", "FOUND", "check", "???missing", "Damaged", "wrong?"])
    def test_does_not_take_a_stock_note_for_a_name(self, text):
        assert not is_clean_description(text=text)

    @pytest.mark.parametrize(
        "text", ["BROWN CHECK CAT DOORSTOP", "BAG 125g SWIRLY MARBLES", "LOST & FOUND SIGN"]
    )
    def test_takes_names_that_contain_such_words(self, text):
        assert is_clean_description(text=text)


class TestCountries:
    def test_knows_the_names_of_the_file(self):
        assert [find_country(name=name) for name in ("EIRE", " RSA ", "United  Kingdom")] == [
            "IE",
            "ZA",
            "GB",
        ]

    @pytest.mark.parametrize("name", ["Unspecified", "European Community", "", "Atlantis"])
    def test_maps_no_place_that_is_no_country(self, name):
        assert find_country(name=name) is None

    def test_holds_two_letter_codes(self):
        assert all(len(code) == 2 and code.isupper() for code in COUNTRIES.values())
