"""The file itself: physical lines, decoding, CSV records."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
LONGEST_LINE = 1_048_576


class UnreadableFile(Exception):
    """The file is absent, or is not a CSV file with the columns of Online Retail."""


@dataclass(frozen=True, slots=True)
class Record:
    """One CSV record: the physical line that it starts on, its fields in the order of COLUMNS.

    `problem` says why there are no fields; it is empty otherwise.
    """

    line: int
    fields: tuple[str, ...]
    problem: str = ""


def read_records(*, path: Path) -> Iterator[Record]:
    """Yield every record below the header, one at a time. Raises UnreadableFile.

    Columns are found by name, so their order does not matter. A record that CSV cannot make
    sense of is yielded with its problem: nothing is skipped, an empty line included.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UnreadableFile(f"{path}: {error.strerror}") from error
    with file:
        reader = csv.reader(_decoded_lines(path, file))
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise UnreadableFile(f"{path}: the first line names no column {', '.join(missing)}")
        places = [header.index(name) for name in COLUMNS]
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Record(line, (), f"{error} (lines {line} to {reader.line_num})")
                continue
            if len(fields) != len(header):
                yield Record(line, (), f"{len(fields)} fields where the header has {len(header)}")
            else:
                yield Record(line, tuple(fields[place] for place in places))


def _decoded_lines(path: Path, file: BinaryIO) -> Iterator[str]:
    """Yield lines as text: UTF-8, or Windows-1252 where a line is not (the data's first form)."""
    first = True
    while raw := file.readline(LONGEST_LINE):
        if len(raw) == LONGEST_LINE:
            raise UnreadableFile(f"{path}: a line is longer than {LONGEST_LINE} bytes")
        if first:
            raw, first = raw.removeprefix(b"\xef\xbb\xbf"), False
        try:
            yield raw.decode()
        except UnicodeDecodeError:
            yield raw.decode("cp1252", errors="replace")
