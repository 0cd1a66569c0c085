"""Two members of staff place the same phone order at the same moment."""

from functools import partial
from uuid import uuid4

import pytest

from fulfillment.models import Stock
from globalmart.core.models import OutboxEvent
from orders.models import Order
from orders.services import drafts
from payments.models import OrderAccount
from tests import builders
from tests.concurrency.racing import race
from tests.orders.drafts.test_drafts import save, wanted
from tests.orders.house import now, state

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(transactional_db: None) -> None:
    builders.open_shop()
    builders.add_product("MUG")
    builders.add_product("CUP", price_minor=500)


@pytest.mark.usefixtures("shop")
def test_is_one_order() -> None:
    order = save()
    submit = partial(
        drafts.submit_draft,
        order_id=order.pk,
        expected_total_minor=order.total_minor,
        now=now(),
    )
    found = race(*(partial(submit, actor=f"staff:{person}") for person in range(4)))

    assert {each.pk for each in found} == {order.pk}
    assert OrderAccount.objects.count() == 1
    assert Stock.objects.get(sku="MUG").reserved == 2
    assert OutboxEvent.objects.filter(name="order.pay_link_sent").count() == 1


@pytest.mark.usefixtures("shop")
def test_is_placed_or_discarded_and_not_both() -> None:
    order = save()
    race(
        lambda: drafts.discard_draft(order_id=order.pk, actor="staff:1", now=now()),
        lambda: drafts.submit_draft(
            order_id=order.pk, expected_total_minor=order.total_minor, actor="staff:2", now=now()
        ),
    )

    reserved = Stock.objects.get(sku="MUG").reserved
    assert (state(order), reserved) in {("cancelled", 0), ("pending_payment", 2)}


@pytest.mark.usefixtures("shop")
def test_new_drafts_of_one_key_are_one() -> None:
    key = uuid4()
    write = partial(drafts.save_draft, key=key, wanted=wanted(), actor="staff:1", now=now())
    found = race(*[write] * 4)

    assert [each for each in found if not isinstance(each, Order)] == []
    assert Order.objects.count() == 1
