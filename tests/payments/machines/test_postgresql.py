"""The money core in PostgreSQL, under two connections at once: the proof's small size."""

import pytest

from globalmart.core.db import LockingQuerySet
from payments import gateways
from tests import builders
from tests.payments.machines.contention import run
from tests.payments.machines.gateway import Clock, Gateway
from tests.payments.machines.interleaving import Pair, Script
from tests.payments.machines.shop import Shop, open_shop
from tests.payments.machines.stripe import Stripe

ONE_BY_ONE = [1] * 200


@pytest.mark.django_db(transaction=True)
class TestTwoConnections:
    def test_keep_the_promises_however_they_interleave(self) -> None:
        figures = run(examples=8, steps=8)

        assert figures["lock waits"] > 0

    def test_learn_of_money_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        shop = learn_twice(monkeypatch)

        shop.check_promises()

    def test_would_book_it_twice_without_locks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The machine is not blind: what it looks at breaks when the locks are taken away."""
        monkeypatch.setattr(LockingQuerySet, "locked", lambda self: self.order_by("pk"))

        shop = learn_twice(monkeypatch)

        with pytest.raises(AssertionError, match="holds"):
            shop.check_promises()


def learn_twice(patch: pytest.MonkeyPatch) -> Shop:
    """The customer has paid, and two look-ups learn of it, in turns of one statement each."""
    builders.open_shop()
    builders.add_product()
    pair = Pair()
    shop = open_shop(stripe_of=lambda now: Stripe(now=now), clock=Clock(), card="")
    gateway = Gateway(shop.stripe, pair)
    patch.setattr(gateways, "current", lambda: gateway)
    create, first, second = shop.send(0), shop.check(0), shop.check(0)
    assert create is not None
    assert first is not None
    assert second is not None
    create()
    shop.stripe.pay(next(iter(shop.stripe.intents)), "pm_good")
    try:
        results = pair.run((first, second), (Script(), Script()), ONE_BY_ONE)
    finally:
        pair.close()
    assert [shop.judge(each) for each in results] == ["done", "done"]
    return shop
