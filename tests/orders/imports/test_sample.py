"""The real file, where ONLINE_RETAIL_CSV names it; it is not part of this repository."""

import os
from collections import Counter
from pathlib import Path

import pytest

from orders.imports.cleaning import Reason, clean_record
from orders.imports.countries import find_country
from orders.imports.reading import read_records

SAMPLE = os.environ.get("ONLINE_RETAIL_CSV", "")


@pytest.mark.skipif(not SAMPLE, reason="ONLINE_RETAIL_CSV does not name the sample of real orders")
def test_every_row_of_the_sample_is_used_or_has_its_reason():
    lines = [clean_record(record=record) for record in read_records(path=Path(SAMPLE))]
    reasons = Counter(line.reason for line in lines)
    assert reasons == {
        None: 29_231,
        Reason.RETURN: 620,
        Reason.NOT_GOODS: 113,
        Reason.PRICE: 23,
        Reason.QUANTITY: 13,
    }
    unmapped = Counter(
        line.country
        for line in lines
        if line.reason is None and find_country(name=line.country) is None
    )
    assert unmapped == {"Unspecified": 17, "European Community": 5}
