"""A request is sent once, and looked up before it is sent again."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.utils import timezone

from fulfillment.gateways.wms import (
    OutcomeUnknown,
    SubmitAnswer,
    WarehouseRejected,
    WarehouseUnavailable,
)
from fulfillment.models import Fulfillment, Reservation, Stock, Warehouse, WarehouseHoliday
from fulfillment.services import requests, sending, stock
from fulfillment.states import FulfillmentState, ReservationState
from globalmart.core.models import Alert, OutboxEvent, TimelineEntry
from orders.models import Order
from tests import builders
from tests.fulfillment.conftest import open_request, open_requests
from tests.fulfillment.fakes import FakeWarehouse


def lease(row: Fulfillment) -> UUID:
    """Lease the row, whoever holds it, and return the token."""
    Fulfillment.objects.update(due_at=timezone.now(), lease_until=None)
    due = Fulfillment.objects.all()
    ((key, token),) = due.lease(now=timezone.now(), limit=9, lease_seconds=50)
    assert key == row.pk
    return token


def submit(row: Fulfillment) -> Fulfillment:
    """What the job does, without the waiting."""
    sending.submit(fulfillment_id=row.pk, token=lease(row))
    return Fulfillment.objects.get(pk=row.pk)


def names() -> list[str]:
    rows = OutboxEvent.objects.filter(name__startswith="fulfillment.").order_by("id")
    return list(rows.values_list("name", flat=True))


class TestOpenFulfillment:
    def test_is_ready_and_due(self, request_row: Fulfillment) -> None:
        assert request_row.state == FulfillmentState.READY
        assert request_row.due_at is not None
        assert request_row.warehouse.due_at is not None

    def test_finds_it_there_the_second_time(self, request_row: Fulfillment) -> None:
        assert open_request(request_row.order).pk == request_row.pk
        assert request_row.lines.count() == 2


def remainder(row: Fulfillment) -> int:
    return requests.open_remainder(
        order_id=row.order_id,
        order_number=row.order_number,
        service=row.service,
        ship_to=row.ship_to,
        names={"CUP": "Cup", "MUG": "Mug"},
        now=timezone.now(),
    )


def back_ordered(sku: str) -> None:
    Reservation.objects.filter(sku=sku).update(
        state=ReservationState.BACKORDERED, backordered_at=timezone.now()
    )


def asked() -> dict[str, dict[str, int]]:
    """What each request asks for."""
    return {
        row.reference[-2:]: dict(row.lines.values_list("sku", "quantity"))
        for row in Fulfillment.objects.order_by("number")
    }


class TestSeveralWarehouses:
    @pytest.fixture
    def order(self, shop: None, warehouse: FakeWarehouse) -> Order:
        """A cup and three mugs, one of which is in the north, where it is served first."""
        order = builders.place({"MUG": 3, "CUP": 1})
        north = Warehouse.objects.create(code="north", name="North", priority=0)
        Stock.objects.create(warehouse=north, sku="MUG", on_hand=1, reserved=1)
        Reservation.objects.filter(sku="MUG").update(quantity=2)
        Reservation.objects.create(order=order, warehouse=north, sku="MUG", quantity=1)
        return order

    def test_get_one_request_each_for_what_is_theirs(self, order: Order) -> None:
        open_requests(order)

        assert asked() == {"-1": {"MUG": 1}, "-2": {"CUP": 1, "MUG": 2}}
        places = Fulfillment.objects.order_by("number").values_list("warehouse__code", flat=True)
        assert list(places) == ["north", "main"]
        assert set(Fulfillment.objects.values_list("state", flat=True)) == {"ready"}

    def test_get_it_once(self, order: Order) -> None:
        assert (open_requests(order), open_requests(order)) == (2, 0)

    def test_are_all_listened_to(self, order: Order) -> None:
        open_requests(order)

        assert not Warehouse.objects.filter(due_at=None).exists()

    def test_are_not_asked_for_what_they_do_not_have(self, order: Order) -> None:
        back_ordered("MUG")

        open_requests(order)

        assert asked() == {"-1": {"CUP": 1}}

    def test_are_told_their_own_days(self, order: Order) -> None:
        WarehouseHoliday.objects.bulk_create(
            WarehouseHoliday(
                warehouse=Warehouse.objects.get(code="north"),
                on_date=timezone.now().date() + timedelta(days=days),
                name="Closed",
            )
            for days in range(-1, 20)
        )

        open_requests(order)

        north, main = Fulfillment.objects.order_by("number")
        assert north.promised_on is not None
        assert main.promised_on is not None
        assert north.promised_on > main.promised_on


class TestOpenRemainder:
    def test_opens_nothing_while_all_is_asked_for(self, request_row: Fulfillment) -> None:
        assert remainder(request_row) == 0

    def test_asks_for_what_came_back_from_back_order(self, request_row: Fulfillment) -> None:
        back_ordered("CUP")
        request_row.lines.filter(sku="CUP").delete()
        assert remainder(request_row) == 0

        Reservation.objects.update(state=ReservationState.COMMITTED, backordered_at=None)

        assert (remainder(request_row), remainder(request_row)) == (1, 0)
        assert asked() == {"-1": {"MUG": 2}, "-2": {"CUP": 1}}

    def test_asks_again_for_what_was_closed_short(self, request_row: Fulfillment) -> None:
        request_row.lines.filter(sku="MUG").update(shipped=1, short=1)
        Reservation.objects.filter(sku="MUG").update(shipped=1)
        Fulfillment.objects.update(state=FulfillmentState.INCOMPLETE, due_at=None)

        assert (remainder(request_row), remainder(request_row)) == (1, 0)
        assert asked()["-2"] == {"MUG": 1}

    def test_asks_again_for_what_a_cancelled_request_had(self, request_row: Fulfillment) -> None:
        Fulfillment.objects.update(state=FulfillmentState.CANCELLED, due_at=None)

        assert remainder(request_row) == 1
        assert asked()["-2"] == {"MUG": 2, "CUP": 1}

    @pytest.mark.parametrize(
        "state",
        [ReservationState.RELEASED, ReservationState.BACKORDERED, ReservationState.CONSUMED],
    )
    def test_asks_for_nothing_that_is_not_the_orders(
        self, request_row: Fulfillment, state: ReservationState
    ) -> None:
        Fulfillment.objects.update(state=FulfillmentState.CANCELLED, due_at=None)
        Reservation.objects.update(
            state=state,
            backordered_at=timezone.now() if state == ReservationState.BACKORDERED else None,
        )

        assert remainder(request_row) == 0

    def test_asks_for_what_is_sent_instead(self, request_row: Fulfillment) -> None:
        Reservation.objects.create(
            order=request_row.order,
            warehouse=request_row.warehouse,
            sku="JUG",
            quantity=1,
            state=ReservationState.COMMITTED,
        )

        assert remainder(request_row) == 1
        assert asked()["-2"] == {"JUG": 1}


class TestSubmit:
    def test_sends_what_was_ordered(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = submit(request_row)

        assert (row.state, row.wms_number, row.due_at) == (FulfillmentState.ACCEPTED, "W-1", None)
        (sent,) = warehouse.submitted
        assert sent.reference == f"{request_row.order_number}-1"
        assert [(line.line_no, line.sku, line.quantity) for line in sent.lines] == [
            (1, "CUP", 1),
            (2, "MUG", 2),
        ]
        assert sent.ship_to.postal_code == "SW1Y 4JH"
        assert names() == ["fulfillment.accepted"]

    def test_is_committed_as_sent_before_the_call(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        seen: list[str] = []
        warehouse.before_submit = lambda: seen.append(Fulfillment.objects.get().state)

        submit(request_row)

        assert seen == [FulfillmentState.SUBMITTING]

    def test_takes_a_duplicate_for_success(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(SubmitAnswer("duplicate", "W-9", "", ""))

        assert submit(request_row).wms_number == "W-9"
        assert names() == ["fulfillment.accepted"]

    @pytest.mark.parametrize(
        "refusal",
        [
            SubmitAnswer("rejected", "", "BAD_ADDRESS", "no such street"),
            WarehouseRejected("X", "y"),
        ],
    )
    def test_alarms_when_it_is_rejected(
        self, request_row: Fulfillment, warehouse: FakeWarehouse, refusal: SubmitAnswer
    ) -> None:
        warehouse.answers.append(refusal)

        row = submit(request_row)

        assert (row.state, row.due_at) == (FulfillmentState.REJECTED, None)
        assert names() == ["fulfillment.rejected"]
        assert Alert.objects.get().kind == "fulfillment_rejected"

    def test_is_ready_again_when_certainly_nothing_arrived(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(WarehouseUnavailable("closed"))

        row = submit(request_row)
        assert row.state == FulfillmentState.READY
        assert row.due_at is not None

        assert submit(row).state == FulfillmentState.ACCEPTED
        assert warehouse.looked_up == []

    def test_looks_a_lost_answer_up(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.is_deaf = True
        warehouse.answers.append(OutcomeUnknown("timeout"))

        assert submit(request_row).state == FulfillmentState.SUBMIT_UNKNOWN
        assert submit(request_row).state == FulfillmentState.ACCEPTED

        assert len(warehouse.submitted) == 1
        assert names() == ["fulfillment.accepted"]

    def test_sends_again_only_after_two_look_ups_a_minute_apart(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(OutcomeUnknown("timeout"))
        submit(request_row)

        row = submit(request_row)
        assert row.due_at > timezone.now() + timedelta(seconds=55)
        submit(request_row)
        assert len(warehouse.submitted) == 1

        Fulfillment.objects.update(absent_since=timezone.now() - timedelta(seconds=60))
        assert submit(request_row).state == FulfillmentState.ACCEPTED
        assert [sent.reference for sent in warehouse.submitted] == [row.reference] * 2

    def test_begins_the_look_ups_anew_after_each_sending(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.extend([OutcomeUnknown("timeout"), OutcomeUnknown("timeout")])
        submit(request_row)
        Fulfillment.objects.update(absent_since=timezone.now() - timedelta(seconds=90))
        submit(request_row)

        submit(request_row)

        assert len(warehouse.submitted) == 2

    def test_takes_a_refused_look_up_for_no_answer(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(OutcomeUnknown("timeout"))
        warehouse.lookup_errors.append(WarehouseRejected("X", "bad reference"))
        submit(request_row)

        assert submit(request_row).state == FulfillmentState.SUBMIT_UNKNOWN

    def test_looks_up_first_after_a_crash(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        def crash() -> None:
            raise SystemExit

        warehouse.before_submit = crash
        with pytest.raises(SystemExit):
            submit(request_row)

        submit(request_row)

        assert warehouse.looked_up == [request_row.reference]

    @pytest.mark.parametrize(
        "steal",
        [
            lambda: Fulfillment.objects.update(lease_token=uuid4()),
            lambda: Fulfillment.objects.update(state=FulfillmentState.IN_PROGRESS),
        ],
    )
    def test_records_nothing_for_a_zombie(
        self,
        request_row: Fulfillment,
        warehouse: FakeWarehouse,
        steal: Callable[[], int],
    ) -> None:
        warehouse.before_submit = steal  # type: ignore[assignment]

        row = submit(request_row)

        assert row.state != FulfillmentState.ACCEPTED
        assert names() == []

    def test_sends_nothing_for_a_zombie(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        zombie, token = lease(request_row), lease(request_row)

        sending.submit(fulfillment_id=request_row.pk, token=zombie)
        assert warehouse.submitted == []
        untouched = Fulfillment.objects.get()
        assert (untouched.state, untouched.lease_token) == (FulfillmentState.READY, token)

        sending.submit(fulfillment_id=request_row.pk, token=token)
        assert len(warehouse.submitted) == 1

    def test_sends_nothing_again_once_its_lease_is_lost_during_the_look_up(
        self,
        request_row: Fulfillment,
        warehouse: FakeWarehouse,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        warehouse.answers.append(OutcomeUnknown("timeout"))
        submit(request_row)
        Fulfillment.objects.update(absent_since=timezone.now() - timedelta(seconds=60))
        # Somebody else leases the row while we wait for the look-up.
        monkeypatch.setattr(FakeWarehouse, "get_order", lambda *_words: lease(request_row) and None)

        submit(request_row)

        assert len(warehouse.submitted) == 1

    def test_leaves_an_accepted_request_alone(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        submit(request_row)
        submit(request_row)

        assert len(warehouse.submitted) == 1

    def test_tells_each_step_to_the_timeline(
        self, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        submit(request_row)

        rows = TimelineEntry.objects.filter(kind__startswith="fulfillment.").order_by("id")
        assert list(rows.values_list("before", "after")) == [
            ("ready", "submitting"),
            ("submitting", "accepted"),
        ]


class TestWarehouseOfARequest:
    def test_is_where_the_units_are_reserved(self, shop: None, warehouse: FakeWarehouse) -> None:
        order = builders.place({"MUG": 1})
        Warehouse.objects.create(code="north", name="North", priority=0)

        row = open_request(order)

        assert row.warehouse.code == "main"

    def test_is_not_where_units_were_given_back(self, shop: None, warehouse: FakeWarehouse) -> None:
        order = builders.place({"MUG": 1})
        stock.release_reservations(order_id=order.pk)
        north = stock.ensure_warehouse(code="north", name="North")
        Reservation.objects.create(
            order=order, warehouse=north, sku="MUG", quantity=1, state=ReservationState.COMMITTED
        )

        row = open_request(order)

        assert row.warehouse.code == "north"
