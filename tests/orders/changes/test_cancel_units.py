"""Units of a line are cancelled by how far they have come; the rest goes on, and money follows."""

from collections.abc import Mapping

import pytest
from django.db import IntegrityError, transaction

from fulfillment.gateways.wms import CancelAnswer, OutcomeUnknown
from fulfillment.models import Fulfillment, Reservation, Stock
from globalmart.core.models import OutboxEvent
from orders.models import CancellationLine, Order, OrderCancellation
from orders.queries import changes
from orders.queries.cancellations import is_cancelling, was_partly_stopped
from orders.services import cancelling, correcting, holds
from orders.services.cancelling import CannotCancel
from orders.states import HoldKind
from payments.models import Refund
from payments.services.planning import plan_capture
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.orders.house import (
    carry,
    leave,
    money,
    now,
    pay,
    split_between_two_warehouses,
    state,
    submit,
    units,
)
from tests.orders.services.test_cancelling import sound

CUSTOMER, STAFF = "customer", "staff:1"
# Positions are by SKU: three cups at 5.00 are line 1, two mugs at 9.00 line 2.
CUP, MUG = 1, 2


def cancel(
    order: Order,
    wanted: Mapping[int, int],
    *,
    actor: str = CUSTOMER,
    seen: Mapping[int, int] | None = None,
) -> OrderCancellation:
    return cancelling.request_units(
        order_id=order.pk,
        units=wanted,
        reason="changed their mind",
        actor=actor,
        now=now(),
        seen=seen,
    )


def wishes(order: Order) -> list[str]:
    rows = OrderCancellation.objects.filter(order=order).order_by("pk")
    return list(rows.values_list("state", flat=True))


def asked(order: Order) -> list[tuple[str, str, dict[str, int]]]:
    """The order's requests: number, state, units."""
    return [
        (row.reference[-1], row.state, dict(row.lines.values_list("sku", "quantity")))
        for row in Fulfillment.objects.filter(order=order).order_by("number")
    ]


def kept() -> dict[str, tuple[str, int]]:
    return {row.sku: (row.state, row.quantity) for row in Reservation.objects.all()}


def positions(order: Order) -> dict[str, int]:
    return dict(order.lines.values_list("sku", "position"))


def test_lines_stand_where_these_tests_think(confirmed: Order) -> None:
    assert positions(confirmed) == {"CUP": CUP, "MUG": MUG}


class TestNotSent:
    def test_come_off_the_request_at_once(self, confirmed: Order) -> None:
        row = cancel(confirmed, {CUP: 2})

        assert (row.state, row.is_whole) == ("accepted", False)
        assert units(confirmed) == [("CUP", 3, 0, 2), ("MUG", 2, 0, 0)]
        assert asked(confirmed) == [
            ("1", "cancelled", {"CUP": 3, "MUG": 2}),
            ("2", "ready", {"CUP": 1, "MUG": 2}),
        ]
        assert kept() == {"CUP": ("committed", 1), "MUG": ("committed", 2)}
        assert Stock.objects.get(sku="CUP").reserved == 1
        assert dict(confirmed.lines.values_list("sku", "allocated")) == {"CUP": 1, "MUG": 2}
        sound()

    def test_lower_what_is_due_and_later_captured(
        self, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        cancel(confirmed, {CUP: 2})
        assert money(confirmed) == (2695, 3695, 0, 0)

        submit(confirmed)
        leave(warehouse, f"{confirmed.number}-2", parcel(MUG=2, CUP=1))
        assert money(confirmed)[2:] == (2695, 0)
        assert state(confirmed) == "completed"
        sound()

    def test_are_refunded_where_they_were_paid_for(self, confirmed: Order) -> None:
        plan_capture(order_id=confirmed.pk, now=now())
        pay()
        cancel(confirmed, {MUG: 1}, actor=STAFF)
        pay()

        assert Refund.objects.get().amount_minor == 900
        assert money(confirmed) == (2795, 3695, 3695, 900)
        sound()

    def test_the_last_of_them_end_the_order(self, confirmed: Order) -> None:
        cancel(confirmed, {CUP: 3})
        assert state(confirmed) == "confirmed"
        cancel(confirmed, {MUG: 2})
        pay()

        assert state(confirmed) == "cancelled"
        assert OrderCancellation.objects.order_by("pk").last().is_whole  # type: ignore[union-attr]
        assert money(confirmed)[2:] == (0, 0)
        assert not Stock.objects.filter(reserved__gt=0).exists()
        sound()

    def test_all_of_them_are_the_whole_order(self, confirmed: Order) -> None:
        assert cancel(confirmed, {CUP: 3, MUG: 2}).is_whole
        assert state(confirmed) == "cancelled"

    def test_stay_on_hold_with_their_order(self, confirmed: Order) -> None:
        holds.place(order_id=confirmed.pk, kind=HoldKind.MANUAL, reason="x", actor=STAFF, now=now())
        cancel(confirmed, {CUP: 1})
        assert asked(confirmed)[1] == ("2", "on_hold", {"CUP": 2, "MUG": 2})
        sound()


class TestTwice:
    def test_the_same_form_is_one_wish(self, confirmed: Order) -> None:
        seen = {CUP: 0, MUG: 0}
        first = cancel(confirmed, {CUP: 1}, seen=seen)
        again = cancel(confirmed, {CUP: 1}, seen=seen)

        assert first == again
        assert units(confirmed)[0] == ("CUP", 3, 0, 1)

    def test_a_new_form_is_a_new_wish(self, confirmed: Order) -> None:
        cancel(confirmed, {CUP: 1}, seen={CUP: 0, MUG: 0})
        cancel(confirmed, {CUP: 1}, seen={CUP: 1, MUG: 0})
        assert units(confirmed)[0] == ("CUP", 3, 0, 2)

    def test_another_form_of_before_is_told(self, confirmed: Order) -> None:
        cancel(confirmed, {CUP: 1}, seen={CUP: 0, MUG: 0})
        with pytest.raises(CannotCancel, match="has changed since"):
            cancel(confirmed, {MUG: 1}, seen={CUP: 0, MUG: 0})

    def test_events_carried_again_change_nothing(self, confirmed: Order) -> None:
        submit(confirmed)
        cancel(confirmed, {CUP: 1})
        submit(confirmed)
        before = (units(confirmed), asked(confirmed), money(confirmed))
        for _ in range(2):
            cancelling.go_on(order_id=confirmed.pk, now=now())
            correcting.go_on(order_id=confirmed.pk, now=now())
        assert (units(confirmed), asked(confirmed), money(confirmed)) == before


class TestAtTheWarehouse:
    def test_wait_for_its_word_and_the_rest_is_asked_for_again(
        self, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        submit(confirmed)
        row = cancel(confirmed, {CUP: 2})
        assert row.state == "requested"
        assert units(confirmed)[0] == ("CUP", 3, 0, 0)
        assert changes.is_changing(order_id=confirmed.pk)
        assert not is_cancelling(order_id=confirmed.pk)

        submit(confirmed)

        assert wishes(confirmed) == ["accepted"]
        assert asked(confirmed) == [
            ("1", "cancelled", {"CUP": 3, "MUG": 2}),
            ("2", "ready", {"CUP": 1, "MUG": 2}),
        ]
        assert money(confirmed)[0] == 2695
        assert OutboxEvent.objects.filter(name="order.units_cancelled").count() == 1
        sound()
        submit(confirmed)
        leave(warehouse, f"{confirmed.number}-2", parcel(MUG=2, CUP=1))
        assert state(confirmed) == "completed"
        sound()

    def test_come_where_it_is_too_late(self, confirmed: Order, warehouse: FakeWarehouse) -> None:
        submit(confirmed)
        cancel(confirmed, {CUP: 2})
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        submit(confirmed)

        assert wishes(confirmed) == ["rejected"]
        assert CancellationLine.objects.get().given_up == 0
        assert units(confirmed)[0] == ("CUP", 3, 0, 0)
        assert money(confirmed)[0] == 3695
        assert OutboxEvent.objects.filter(name="order.cancellation_rejected").count() == 1
        with pytest.raises(CannotCancel, match="left, or could not"):
            cancel(confirmed, {CUP: 2})
        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))
        assert state(confirmed) == "completed"
        sound()

    def test_come_where_the_parcel_overtook_the_wish(
        self, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        submit(confirmed)
        cancel(confirmed, {CUP: 2})
        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))

        assert wishes(confirmed) == ["rejected"]
        assert (state(confirmed), money(confirmed)[2]) == ("completed", 3695)
        sound()

    def test_are_not_sent_where_it_closes_short_meanwhile(
        self, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        submit(confirmed)
        cancel(confirmed, {CUP: 2})
        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2), CUP=3)

        assert wishes(confirmed) == ["accepted"]
        assert units(confirmed) == [("CUP", 3, 0, 2), ("MUG", 2, 2, 0)]
        shortage = confirmed.lines.get(sku="CUP").shortages.get()
        assert (shortage.state, shortage.quantity) == ("open", 1)
        sound()

    def test_nobody_else_changes_the_order_meanwhile(self, confirmed: Order) -> None:
        submit(confirmed)
        first = cancel(confirmed, {CUP: 2})

        assert cancel(confirmed, {CUP: 2}) == first
        with pytest.raises(CannotCancel, match="earlier change"):
            cancel(confirmed, {CUP: 1})
        with pytest.raises(CannotCancel, match="earlier change"):
            cancelling.request_cancellation(
                order_id=confirmed.pk, reason="x", actor=STAFF, now=now()
            )
        with pytest.raises(IntegrityError), transaction.atomic():
            OrderCancellation.objects.create(
                order=confirmed, reason="x", requested_by=STAFF, requested_at=now()
            )

    def test_a_lost_answer_is_asked_for_again(
        self, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        submit(confirmed)
        cancel(confirmed, {CUP: 1})
        warehouse.is_deaf = True
        warehouse.cancel_answers.append(OutcomeUnknown("silent"))
        submit(confirmed)
        assert wishes(confirmed) == ["requested"]
        warehouse.is_deaf = False
        Fulfillment.objects.update(due_at=now(), lease_until=None)
        submit(confirmed)
        assert wishes(confirmed) == ["accepted"]
        sound()


class TestSeveralRequests:
    @pytest.fixture
    def split(self, shop: None) -> Order:
        """The cups are kept in a second warehouse; both were asked."""
        order = split_between_two_warehouses()
        submit(order)
        return order

    def test_only_those_that_hold_the_units_come_back(
        self, split: Order, warehouse: FakeWarehouse
    ) -> None:
        cancel(split, {CUP: 1})
        submit(split)
        cups = Fulfillment.objects.get(order=split, lines__sku="CUP", number__lte=2)
        assert [name for name, _ in warehouse.cancelled] == [cups.reference]
        assert [(found[1], found[2]) for found in asked(split) if "MUG" in found[2]] == [
            ("accepted", {"MUG": 2})
        ]
        assert asked(split)[-1] == ("3", "ready", {"CUP": 2})
        sound()

    def test_what_could_be_stopped_is_given_up(
        self, split: Order, warehouse: FakeWarehouse
    ) -> None:
        cancel(split, {CUP: 1, MUG: 1})
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        submit(split)
        assert wishes(split) == ["rejected"]
        assert sorted(CancellationLine.objects.values_list("given_up", flat=True)) == [0, 1]
        assert sum(found[3] for found in units(split)) == 1
        assert was_partly_stopped(order_id=split.pk)
        sound()


class TestRefused:
    def test_while_nothing_is_paid(self, placed: Order) -> None:
        with pytest.raises(CannotCancel, match="only be cancelled as a whole"):
            cancel(placed, {CUP: 1})

    def test_for_more_than_there_are(self, confirmed: Order) -> None:
        with pytest.raises(CannotCancel, match="Fewer"):
            cancel(confirmed, {CUP: 4})

    @pytest.mark.parametrize("wanted", [{}, {CUP: 0}, {CUP: -1}, {9: 1}])
    def test_for_what_is_no_unit_of_it(self, confirmed: Order, wanted: dict[int, int]) -> None:
        with pytest.raises(ValueError, match="units"):
            cancel(confirmed, wanted)

    def test_for_the_customer_while_the_money_is_looked_into(self, confirmed: Order) -> None:
        holds.place(
            order_id=confirmed.pk, kind=HoldKind.DISPUTE, reason="x", actor="system", now=now()
        )
        with pytest.raises(CannotCancel, match="looked into"):
            cancel(confirmed, {CUP: 1})
        assert cancel(confirmed, {CUP: 1}, actor=STAFF).state == "accepted"


class TestPreview:
    def test_says_what_the_bank_lets_go(self, confirmed: Order) -> None:
        found = changes.preview_units(order=confirmed, units={CUP: 2})
        assert (found.saved_minor, found.released_minor, found.refunded_minor) == (1000, 1000, 0)
        assert (found.left_minor, found.asks_warehouse) == (2695, False)

    def test_says_what_goes_back(self, confirmed: Order) -> None:
        plan_capture(order_id=confirmed.pk, now=now())
        pay()
        submit(confirmed)
        found = changes.preview_units(order=confirmed, units={CUP: 2})
        assert (found.saved_minor, found.released_minor, found.refunded_minor) == (1000, 0, 1000)
        assert found.asks_warehouse

    def test_of_all_is_the_whole_with_its_shipping(self, confirmed: Order) -> None:
        found = changes.preview_units(order=confirmed, units={CUP: 3, MUG: 2})
        assert (found.is_whole, found.saved_minor, found.left_minor) == (True, 3695, 0)


def test_given_up_is_at_most_what_was_wanted(confirmed: Order) -> None:
    cancel(confirmed, {CUP: 1})
    with pytest.raises(IntegrityError), transaction.atomic():
        CancellationLine.objects.update(given_up=2)


def test_only_recalled_requests_keep_their_units(confirmed: Order) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Fulfillment.objects.update(keeps_units=True)
    carry()
