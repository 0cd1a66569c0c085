"""The stock storm of the proof, in small: sales, releases, counts, deltas, parcels at once."""

import pytest

from fulfillment.models import StockAdjustment
from globalmart.core.models import OutboxEvent
from tests import builders
from tests.fulfillment.counting import broken
from tests.proofs.stock_storm import run_storm, sell_last_unit


@pytest.mark.django_db(transaction=True)
class TestStock:
    def test_of_one_unit_goes_to_one_of_many_buyers(self) -> None:
        builders.open_shop()

        assert sell_last_unit(60, at_once=60)["sold"] == 1

    def test_is_what_reservations_and_counts_say_after_every_commit(self) -> None:
        figures = run_storm(seconds=3)

        assert figures["breaches"] == 0
        # It blew: units were sold, shipped, missed, and found again.
        assert all(figures[f"{what} told"] for what in ("parcels", "deltas", "counts"))
        assert figures["released"]
        assert OutboxEvent.objects.filter(name="stock.backordered").exists()
        assert OutboxEvent.objects.filter(name="stock.backorder_filled").exists()
        assert StockAdjustment.objects.filter(reason="left before the count").exists()
        assert broken() == {}
