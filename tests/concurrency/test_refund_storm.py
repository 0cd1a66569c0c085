"""The refund storm of `make proof-money`, in small."""

import pytest

from tests.proofs.refund_storm import run_storm


@pytest.mark.django_db(transaction=True)
def test_many_refunds_at_once_never_give_back_more_than_was_captured() -> None:
    figures = run_storm(rows=100, orders=10)

    assert figures["commits over the captured amount"] == 0
    assert figures["in the end succeeded"]
    assert figures["failed refunds with an open case"]
