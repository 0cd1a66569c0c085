"""Staff and customer read in words what was asked for."""

from orders.models import Order
from orders.queries.explanation import explain
from orders.queries.tracking import track
from orders.services import correcting
from tests.orders.changes.test_corrections import LEEDS
from tests.orders.house import now, submit


def test_an_address_that_was_asked_for(confirmed: Order) -> None:
    submit(confirmed)
    correcting.correct_address(order_id=confirmed.pk, address=LEEDS, actor="customer", now=now())
    found = explain(number=confirmed.number)
    assert "correction of the address requested by customer" in str(found)
    confirmed.refresh_from_db()
    story = track(order=confirmed, now=now()).story
    assert "Another address was asked for" in [each.text for each in story]
