"""Whoever dies between the recall and the new request leaves nothing behind."""

from uuid import uuid4

import pytest

from fulfillment.models import Fulfillment
from fulfillment.services import requests
from fulfillment.services.requests import open_remainder
from globalmart.core.models import Delivery
from orders import jobs
from orders.models import Order, OrderCancellation, OrderCorrection
from orders.services import cancelling, correcting
from tests.fulfillment.working import work
from tests.orders.changes.test_corrections import LEEDS
from tests.orders.house import carry, now, submit, units
from tests.orders.services.test_cancelling import sound


class Died(Exception):
    """The process is gone."""


def stopped_there(order: Order) -> None:
    """The warehouse stops the request; nobody in orders has heard of it yet."""
    work(Fulfillment.objects.get(order=order))
    assert Fulfillment.objects.get().state == "cancelled"


def hear(order: Order) -> None:
    jobs.on_fulfillment_stopped(event_id=uuid4(), subject_id=order.pk)


@pytest.fixture
def dies(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    def die(**_: object) -> None:
        raise Died

    monkeypatch.setattr(requests, "open_remainder", die)
    return monkeypatch


def test_units_stay_asked_for_until_the_rest_is_asked_for_again(
    confirmed: Order, dies: pytest.MonkeyPatch
) -> None:
    submit(confirmed)
    cancelling.request_units(
        order_id=confirmed.pk, units={1: 1}, reason="x", actor="customer", now=now()
    )
    stopped_there(confirmed)
    with pytest.raises(Died):
        hear(confirmed)
    assert OrderCancellation.objects.get().state == "requested"
    assert units(confirmed)[0] == ("CUP", 3, 0, 0)

    dies.setattr(requests, "open_remainder", open_remainder)
    carry()
    assert OrderCancellation.objects.get().state == "accepted"
    assert units(confirmed)[0] == ("CUP", 3, 0, 1)
    assert Fulfillment.objects.order_by("number").last().state == "ready"  # type: ignore[union-attr]
    assert not Delivery.objects.exclude(state="done").exists()
    sound()


def test_an_address_stays_asked_for_until_the_goods_go_there(
    confirmed: Order, dies: pytest.MonkeyPatch
) -> None:
    submit(confirmed)
    correcting.correct_address(order_id=confirmed.pk, address=LEEDS, actor="customer", now=now())
    stopped_there(confirmed)
    with pytest.raises(Died):
        hear(confirmed)
    assert OrderCorrection.objects.get().wanted["city"] == "Leeds"

    dies.setattr(requests, "open_remainder", open_remainder)
    carry()
    assert OrderCorrection.objects.get().state == "applied"
    last = Fulfillment.objects.order_by("number").last()
    assert last is not None
    assert (last.number, last.ship_to["city"]) == (2, "Leeds")
    sound()
