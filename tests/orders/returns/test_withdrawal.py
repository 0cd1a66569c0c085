"""Withdrawing from the contract: nobody decides about it, and goods and money follow."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from globalmart.core.models import OutboxEvent
from orders.models import Order, Return, Withdrawal
from orders.queries import returns, withdrawals
from orders.services import holds, withdrawing
from orders.services.returns import deciding, requesting
from orders.services.returns.steps import CannotReturn
from orders.services.withdrawing import CannotWithdraw
from orders.states import HoldKind
from payments.models import OrderAccount
from tests.fulfillment.fakes import FakeWarehouse
from tests.orders.house import carry, pay, state, submit
from tests.orders.returns import story
from tests.orders.returns.story import CUP, MUG, STAFF


def withdraw(order: Order, units: dict[str, int], *, uuid: UUID | None = None) -> Withdrawal:
    places = story.positions(order)
    row = withdrawing.withdraw(
        order_id=order.pk,
        uuid=uuid or uuid4(),
        name="Ada Lovelace",
        email="ada@home.example",
        units={places[sku]: count for sku, count in units.items()},
        now=timezone.now(),
    )
    pay()
    row.refresh_from_db()
    return row


ALL = {MUG: 2, CUP: 3}


class TestWithdrawing:
    def test_from_what_was_not_sent_cancels_it(self, confirmed: Order) -> None:
        row = withdraw(confirmed, ALL)
        assert state(confirmed) == "cancelled"
        assert row.is_whole
        assert row.settled_at is not None
        assert not Return.objects.exists()

    def test_from_what_was_not_paid_yet_cancels_it(self, placed: Order) -> None:
        row = withdraw(placed, ALL)
        carry()
        row.refresh_from_db()
        assert state(placed) == "cancelled"
        assert row.settled_at is not None

    def test_from_units_that_were_not_paid_yet_stops_them_when_they_are(
        self, placed: Order
    ) -> None:
        places = story.positions(placed)
        row = withdrawing.withdraw(
            order_id=placed.pk,
            uuid=uuid4(),
            name="Ada Lovelace",
            email="ada@home.example",
            units={places[CUP]: 1},
            now=timezone.now(),
        )
        pay()
        row.refresh_from_db()
        assert state(placed) == "confirmed"
        assert placed.lines.get(sku=CUP).cancelled == 1
        assert row.settled_at is not None

    def test_from_an_order_that_is_never_paid_alarms_nobody(self, placed: Order) -> None:
        places = story.positions(placed)
        Order.objects.filter(pk=placed.pk).update(state="expired")
        long_ago = timezone.now() - timedelta(days=20)
        row = Withdrawal.objects.create(
            order=placed,
            uuid=uuid4(),
            is_whole=False,
            units={str(places[CUP]): 1},
            received_at=long_ago,
        )
        assert returns.list_stuck(now=timezone.now()) == []

        Order.objects.filter(pk=placed.pk).update(state="confirmed")
        stuck = returns.list_stuck(now=timezone.now())
        assert [each.subject_id for each in stuck] == [row.order_id]

    def test_from_units_that_were_not_sent_cancels_those(self, confirmed: Order) -> None:
        row = withdraw(confirmed, {CUP: 1})
        assert not row.is_whole
        assert confirmed.lines.get(sku=CUP).cancelled == 1
        assert row.settled_at is not None

    def test_from_what_has_left_opens_a_return_that_nobody_approves(self, shipped: Order) -> None:
        row = withdraw(shipped, ALL)
        rma = Return.objects.get()
        assert (rma.kind, rma.state) == ("withdrawal", "awaiting_goods")
        assert rma.requested_at == row.received_at
        assert story.told(shipped) == ["approved", "awaiting_goods"]
        assert row.settled_at is not None

    def test_from_what_could_not_be_stopped_opens_it_when_it_leaves(
        self, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        submit(confirmed)
        row = withdraw(confirmed, ALL)
        assert row.settled_at is None
        # The warehouse was asked, and the goods were faster.
        story.depart(confirmed, warehouse)
        row.refresh_from_db()
        assert Return.objects.get().kind == "withdrawal"
        assert row.settled_at is not None

    def test_from_what_the_warehouse_stops_is_settled_by_its_answer(self, confirmed: Order) -> None:
        submit(confirmed)
        row = withdraw(confirmed, ALL)
        submit(confirmed)
        pay()
        row.refresh_from_db()
        assert state(confirmed) == "cancelled"
        assert row.settled_at is not None

    def test_while_changes_wait_stops_the_goods_once_they_may(self, confirmed: Order) -> None:
        said = {"order_id": confirmed.pk, "kind": HoldKind.FRAUD_WARNING, "reason": "a warning"}
        holds.place(**said, actor="system", now=timezone.now())  # type: ignore[arg-type]
        row = withdraw(confirmed, ALL)
        assert row.settled_at is None
        holds.release(**said, actor=STAFF, now=timezone.now())  # type: ignore[arg-type]
        pay()
        row.refresh_from_db()
        assert state(confirmed) == "cancelled"
        assert row.settled_at is not None

    def test_from_everything_gives_shipping_back_as_well(self, shipped: Order) -> None:
        withdraw(shipped, ALL)
        rma = Return.objects.get()
        story.arrive(rma, MUG, 2)
        story.accept(rma)
        assert story.refunded(shipped) == 1800
        story.arrive(rma, CUP, 3)
        story.accept(rma)
        assert rma.state == "closed"
        assert story.refunded(shipped) == OrderAccount.objects.get().captured_minor == 3695

    def test_from_a_part_leaves_shipping_as_it_is(self, shipped: Order) -> None:
        withdraw(shipped, {CUP: 3})
        rma = Return.objects.get()
        story.arrive(rma, CUP, 3)
        story.accept(rma)
        assert story.refunded(shipped) == 1500

    def test_confirmed_twice_is_one_statement(self, shipped: Order) -> None:
        uuid = uuid4()
        assert withdraw(shipped, ALL, uuid=uuid) == withdraw(shipped, ALL, uuid=uuid)
        assert Return.objects.count() == Withdrawal.objects.count() == 1
        assert OutboxEvent.objects.filter(name="order.withdrawal_received").count() == 1

    def test_takes_the_place_of_a_return_that_was_asked_for(self, shipped: Order) -> None:
        asked = story.ask(shipped, {MUG: 2})
        withdraw(shipped, ALL)
        asked.refresh_from_db()
        assert asked.state == "cancelled"
        assert Return.objects.get(kind="withdrawal").lines.count() == 2

    def test_leaves_what_else_such_a_return_held(self, shipped: Order) -> None:
        former = story.ask(shipped, {MUG: 1, CUP: 2})
        withdraw(shipped, {MUG: 2})
        former.refresh_from_db()
        assert former.state == "cancelled"
        rest = Return.objects.get(kind="return", state="awaiting_goods")
        assert list(rest.lines.values_list("line__sku", "quantity", "reason")) == [
            (CUP, 2, "does not fit")
        ]
        assert Return.objects.get(kind="withdrawal").lines.get().quantity == 2

    def test_is_for_no_more_than_there_is(self, shipped: Order) -> None:
        with pytest.raises(CannotWithdraw):
            withdraw(shipped, {MUG: 3})
        withdraw(shipped, ALL)
        with pytest.raises(CannotWithdraw):
            withdraw(shipped, {MUG: 1})

    def test_cannot_be_declined_by_anybody(self, shipped: Order) -> None:
        withdraw(shipped, ALL)
        rma = Return.objects.get()
        with pytest.raises(CannotReturn, match="Nobody can decline"):
            deciding.decline(return_id=rma.pk, reason="no", actor=STAFF, now=timezone.now())
        for wrong in ("requested", "declined"):
            with (
                pytest.raises(IntegrityError, match="withdrawal_never_declined"),
                transaction.atomic(),
            ):
                Return.objects.update(state=wrong, decline_reason="no")

    def test_stays_withdrawn_and_does_not_expire_by_itself(self, shipped: Order) -> None:
        withdraw(shipped, ALL)
        rma = Return.objects.get()
        Return.objects.update(goods_due_at=story.long_ago(1))
        assert not deciding.expire(return_id=rma.pk, now=timezone.now())
        with pytest.raises(CannotReturn, match="withdrawn"):
            requesting.cancel_return(return_id=rma.pk, actor="customer", now=timezone.now())


class TestPeriod:
    def test_has_not_begun_while_something_is_still_to_leave(self, confirmed: Order) -> None:
        assert withdrawals.period_ends(order=confirmed) is None
        assert withdrawals.is_open(order=confirmed, now=timezone.now() + timedelta(days=400))

    @pytest.mark.parametrize(
        ("came", "ends"),
        [
            # Fourteen days after a Tuesday is a Tuesday; it ends with that day.
            (datetime(2026, 3, 3, 12, tzinfo=UTC), datetime(2026, 3, 18, 0, tzinfo=UTC)),
            # A Saturday is no working day: Monday is the last.
            (datetime(2026, 3, 7, 12, tzinfo=UTC), datetime(2026, 3, 24, 0, tzinfo=UTC)),
            # Local time: half past eleven at night in UTC is the next day in summer.
            (datetime(2026, 6, 1, 23, 30, tzinfo=UTC), datetime(2026, 6, 16, 23, tzinfo=UTC)),
        ],
    )
    def test_ends_with_the_fourteenth_day(
        self, shipped: Order, came: datetime, ends: datetime
    ) -> None:
        story.deliver(shipped, at=came)
        assert withdrawals.period_ends(order=shipped) == ends
        assert withdrawals.is_open(order=shipped, now=ends - timedelta(seconds=1))
        assert not withdrawals.is_open(order=shipped, now=ends)

    def test_is_over_for_the_service_too(self, shipped: Order) -> None:
        story.deliver(shipped, at=story.long_ago(20))
        with pytest.raises(CannotWithdraw, match="over"):
            withdraw(shipped, ALL)
