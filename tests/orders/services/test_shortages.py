"""The warehouse closes a request short: the customer waits, goes without or takes another."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from fulfillment.gateways.wms import WarehouseLine
from fulfillment.models import Fulfillment, Reservation, Stock
from fulfillment.services import backorders, shipments, stock
from globalmart.core.models import Alert, OutboxEvent
from orders import jobs
from orders.models import (
    Category,
    Order,
    OrderCancellation,
    OrderHold,
    OrderLine,
    OrderShortage,
    Product,
)
from orders.queries import shortages as queries
from orders.queries.cancellations import why_not
from orders.queries.explanation import explain
from orders.services import cancelling, choices, holds, lifecycle, remainders, shortages
from orders.services.choices import CannotChoose, Choice
from orders.services.refunds import what_is_left
from orders.states import HoldKind
from payments.models import PaymentAttempt, Refund
from payments.services import refunds as payments
from tests import builders
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.orders.house import carry, leave, money, now, pay, state, submit, units
from tests.orders.services.test_cancelling import sound

CUSTOMER, STAFF = "customer", "staff:1"


@pytest.fixture
def short(confirmed: Order, warehouse: FakeWarehouse) -> Order:
    """Both mugs and a cup have left; two cups are damaged. The card allows one capture alone."""
    submit(confirmed)
    leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=1), CUP=2)
    return confirmed


@pytest.fixture
def bare(confirmed: Order, warehouse: FakeWarehouse) -> Order:
    """Nothing of the order is there."""
    submit(confirmed)
    leave(warehouse, f"{confirmed.number}-1", CUP=3, MUG=2)
    return confirmed


def row() -> OrderShortage:
    return OrderShortage.objects.order_by("pk")[0]


def choose(order: Order, choice: Choice, *, sku: str = "", actor: str = CUSTOMER) -> bool:
    return choices.choose(
        order_id=order.pk, shortage_id=row().pk, choice=choice, sku=sku, actor=actor, now=now()
    )


def restock(sku: str = "CUP", units_: int = 5) -> None:
    """New goods come, and go to who waits for them."""
    stock.adjust(warehouse_code="main", deltas={sku: units_}, reason="delivery", actor="test")
    warehouse_id = Fulfillment.objects.values_list("warehouse_id", flat=True)[0]
    backorders.fill(warehouse_id=warehouse_id, skus=[sku], now=now())
    carry()


def reservations() -> dict[str, tuple[str, int, int]]:
    return {
        each.sku: (each.state, each.quantity, each.shipped) for each in Reservation.objects.all()
    }


class TestOpening:
    def test_asks_the_customer_about_each_line_once(self, bare: Order) -> None:
        found = OrderShortage.objects.order_by("line__sku")
        assert list(found.values_list("line__sku", "quantity", "state", "reason")) == [
            ("CUP", 3, "open", "damaged"),
            ("MUG", 2, "open", "damaged"),
        ]
        assert OutboxEvent.objects.filter(name="order.goods_short").count() == 1

        again = shortages.open_shortages(
            order_id=bare.pk, fulfillment_id=row().fulfillment_id, now=now()
        )
        assert again == 0
        assert OutboxEvent.objects.filter(name="order.goods_short").count() == 1

    def test_is_once_per_request_and_line_in_the_database(self, short: Order) -> None:
        twin = row()
        twin.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            twin.save()

    def test_keeps_the_order_from_being_complete(self, short: Order) -> None:
        assert units(short) == [("CUP", 3, 1, 0), ("MUG", 2, 2, 0)]
        assert state(short) == "in_fulfillment"
        sound()

    def test_does_so_whatever_the_lines_say(self, short: Order) -> None:
        OrderLine.objects.filter(sku="CUP").update(cancelled=2)
        lifecycle.record_capture(order_id=short.pk, now=now())

        assert state(short) == "in_fulfillment"
        OrderShortage.objects.update(state="cancelled", chosen_by=CUSTOMER)
        lifecycle.record_capture(order_id=short.pk, now=now())
        assert state(short) == "completed"

    def test_is_explained_to_staff(self, short: Order) -> None:
        choose(short, Choice.WAIT)
        OrderCancellation.objects.create(
            order=short, reason="x", requested_by=CUSTOMER, requested_at=now()
        )
        found = explain(number=short.number)
        assert found is not None
        wish, missing = found.waits_for
        assert wish.startswith(f"cancellation requested by {CUSTOMER} since 20")
        assert missing.startswith("shortage waiting: 2 x CUP since 20")

    def test_alarms_when_nobody_chooses(self, short: Order) -> None:
        later = now() + timedelta(days=3, minutes=1)
        assert [found.kind for found in queries.list_stuck(now=later)] == ["shortage_stuck"]
        assert queries.list_stuck(now=now()) == []

        choose(short, Choice.WAIT)
        assert queries.list_stuck(now=later) == []


class TestCancel:
    def test_what_was_captured_for_it_goes_back(self, short: Order) -> None:
        assert money(short) == (3695, 3695, 3695, 0)
        choose(short, Choice.CANCEL)
        pay()

        assert units(short) == [("CUP", 3, 1, 2), ("MUG", 2, 2, 0)]
        assert money(short) == (2695, 3695, 3695, 1000)
        (part,) = Refund.objects.get().items.all()
        assert (part.kind, part.amount_minor, part.quantity) == ("line", 1000, 2)
        assert state(short) == "completed"
        assert reservations()["CUP"] == ("released", 3, 1)
        sound()

    def test_of_a_hold_in_parts_only_what_left_is_captured(
        self, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        PaymentAttempt.objects.update(is_multicapture=True)
        submit(confirmed)
        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=1), CUP=2)
        assert money(confirmed) == (3695, 3695, 2695, 0)

        choose(confirmed, Choice.CANCEL)
        pay()

        assert not Refund.objects.exists()
        assert state(confirmed) == "completed"
        assert money(confirmed)[2:] == (2695, 0)

    def test_of_everything_cancels_the_order(self, bare: Order) -> None:
        for each in OrderShortage.objects.all():
            choices.choose(
                order_id=bare.pk,
                shortage_id=each.pk,
                choice=Choice.CANCEL,
                actor=CUSTOMER,
                now=now(),
            )
        pay()

        assert state(bare) == "cancelled"
        assert money(bare)[1:] == (0, 0, 0)
        sound()

    def test_of_one_line_before_a_capture_lowers_what_is_due(self, bare: Order) -> None:
        choose(bare, Choice.CANCEL)

        assert money(bare) in [(2195, 3695, 0, 0), (1895, 3695, 0, 0)]
        assert state(bare) == "in_fulfillment"

    def test_above_the_limit_waits_for_a_person(self, short: Order, settings: object) -> None:
        settings.REFUND_SECOND_PERSON_ABOVE_MINOR = 999  # type: ignore[attr-defined]
        choose(short, Choice.CANCEL)
        pay()

        refund = Refund.objects.get()
        assert (refund.state, refund.requested_by) == ("requested", "system")
        assert money(short) == (3695, 3695, 3695, 0)
        alert = Alert.objects.get(kind="refund_owed")
        assert (alert.subject_id, alert.closed_at) == (short.pk, None)
        sound()

        payments.approve_refund(refund_id=refund.pk, approved_by="staff:2", now=now())
        pay()
        assert money(short) == (2695, 3695, 3695, 1000)
        alert.refresh_from_db()
        assert alert.closed_at is not None
        assert Refund.objects.count() == 1
        sound()

    def test_is_not_asked_for_again_once_it_was_rejected(
        self, short: Order, settings: object
    ) -> None:
        settings.REFUND_SECOND_PERSON_ABOVE_MINOR = 999  # type: ignore[attr-defined]
        choose(short, Choice.CANCEL)
        payments.reject_refund(
            refund_id=Refund.objects.get().pk, rejected_by="staff:2", reason="no", now=now()
        )
        jobs.on_payment_captured(event_id=None, subject_id=short.pk)  # type: ignore[arg-type]

        assert Refund.objects.count() == 1

    def test_leaves_the_other_units_to_be_refunded_by_hand(self, short: Order) -> None:
        choose(short, Choice.CANCEL)
        pay()

        left = {each.sku: each for each in what_is_left(order=short).lines}
        assert (left["CUP"].quantity, left["CUP"].amount_minor) == (1, 500)
        assert (left["MUG"].quantity, left["MUG"].amount_minor) == (2, 1800)


class TestWait:
    def test_keeps_the_place_in_the_queue_and_is_sent_when_new_goods_come(
        self, short: Order, warehouse: FakeWarehouse
    ) -> None:
        choose(short, Choice.WAIT)
        assert row().state == "waiting"
        assert reservations()["CUP"] == ("backordered", 3, 1)
        assert Fulfillment.objects.count() == 1

        restock()
        assert row().state == "filled"
        rest = Fulfillment.objects.get(number=2)
        assert list(rest.lines.values_list("sku", "quantity")) == [("CUP", 2)]

        submit(short)
        leave(warehouse, rest.reference, parcel("P-2", CUP=2))
        assert state(short) == "completed"
        assert units(short) == [("CUP", 3, 3, 0), ("MUG", 2, 2, 0)]
        sound()

    def test_of_who_has_not_chosen_ends_with_the_goods(self, short: Order) -> None:
        restock()

        assert (row().state, row().chosen_by) == ("filled", "system")
        assert Fulfillment.objects.count() == 2

    def test_may_end_otherwise(self, short: Order) -> None:
        choose(short, Choice.WAIT)
        choose(short, Choice.CANCEL)
        pay()

        assert row().state == "cancelled"
        restock()
        assert Fulfillment.objects.count() == 1
        assert state(short) == "completed"

    def test_goes_on_while_other_goods_of_the_order_come(self, bare: Order) -> None:
        for each in OrderShortage.objects.all():
            choices.choose(
                order_id=bare.pk,
                shortage_id=each.pk,
                choice=Choice.WAIT,
                actor=CUSTOMER,
                now=now(),
            )
        restock("MUG", 4)

        found = dict(OrderShortage.objects.values_list("line__sku", "state"))
        assert found == {"CUP": "waiting", "MUG": "filled"}


class TestSubstitute:
    @pytest.fixture
    def bowl(self, short: Order) -> Product:
        """A cup costs 5.00, a bowl 7.00."""
        return builders.add_product("BOWL", price_minor=700, on_hand=4)

    def test_is_sent_at_the_agreed_price(
        self, short: Order, bowl: Product, warehouse: FakeWarehouse
    ) -> None:
        choose(short, Choice.SUBSTITUTE, sku="BOWL")

        assert (row().state, row().substitute_name) == ("substituted", bowl.name)
        assert reservations()["CUP"][0] == "released"
        assert reservations()["BOWL"] == ("committed", 2, 0)
        rest = Fulfillment.objects.get(number=2)
        assert list(rest.lines.values_list("sku", "name", "quantity")) == [("BOWL", bowl.name, 2)]
        assert money(short) == (3695, 3695, 3695, 0)

        submit(short)
        leave(warehouse, rest.reference, parcel("P-2", BOWL=1), status="partially_shipped")
        assert units(short) == [("CUP", 3, 2, 0), ("MUG", 2, 2, 0)]
        assert row().substitute_shipped == 1

        leave(warehouse, rest.reference, parcel("P-2", BOWL=1), parcel("P-3", BOWL=1))
        assert units(short) == [("CUP", 3, 3, 0), ("MUG", 2, 2, 0)]
        assert state(short) == "completed"
        assert money(short) == (3695, 3695, 3695, 0)
        sound()

    def test_that_goes_short_itself_is_asked_about_again(
        self, short: Order, bowl: Product, warehouse: FakeWarehouse
    ) -> None:
        choose(short, Choice.SUBSTITUTE, sku="BOWL")
        submit(short)
        leave(warehouse, f"{short.number}-2", parcel("P-2", BOWL=1), BOWL=1)

        second = OrderShortage.objects.order_by("pk")[1]
        assert (second.line.sku, second.quantity, second.state) == ("CUP", 1, "open")
        choices.choose(
            order_id=short.pk,
            shortage_id=second.pk,
            choice=Choice.CANCEL,
            actor=CUSTOMER,
            now=now(),
        )
        pay()

        assert units(short) == [("CUP", 3, 2, 1), ("MUG", 2, 2, 0)]
        assert reservations()["BOWL"] == ("released", 2, 1)
        assert money(short) == (3195, 3695, 3695, 500)
        assert state(short) == "completed"
        sound()

    def test_is_offered_of_the_same_shelf_and_no_more_than_twice_as_dear(
        self, short: Order
    ) -> None:
        other = Category.objects.create(slug="lamps", name="Lamps")
        for sku, price, on_hand in (
            ("CHEAP", 499, 9),
            ("SAME", 500, 9),
            ("TWICE", 1000, 9),
            ("DEAR", 1001, 9),
            ("MIDDLE", 800, 9),
            ("FEW", 600, 1),
            ("LAMP", 700, 9),
            ("FOURTH", 900, 9),
        ):
            builders.add_product(sku, price_minor=price, on_hand=on_hand)
        Product.objects.filter(sku="LAMP").update(category=other)
        Product.objects.filter(sku="SAME").update(is_active=True)

        found = queries.list_offers(order=short, row=row())

        # The mug (9.00) would fit, but is in the order already.
        assert [each.sku for each in found] == ["SAME", "MIDDLE", "FOURTH"]

    @pytest.mark.parametrize("sku", ["MUG", "CUP", "NOTHING", ""])
    def test_is_only_what_was_offered(self, short: Order, bowl: Product, sku: str) -> None:
        with pytest.raises(CannotChoose):
            choose(short, Choice.SUBSTITUTE, sku=sku)
        assert row().state == "open"

    def test_that_was_sold_in_between_changes_nothing(
        self, short: Order, bowl: Product, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        offers = queries.list_offers(order=short, row=row())
        monkeypatch.setattr(choices, "list_offers", lambda **_: offers)
        builders.place({"BOWL": 3})

        with pytest.raises(CannotChoose, match="sold"):
            choose(short, Choice.SUBSTITUTE, sku="BOWL")
        assert row().state == "open"
        assert reservations()["CUP"] == ("backordered", 3, 1)


class TestChoosing:
    @pytest.mark.parametrize("choice", [Choice.WAIT, Choice.CANCEL])
    def test_twice_is_once(self, short: Order, choice: Choice) -> None:
        assert choose(short, choice)
        pay()

        assert not choose(short, choice)
        assert units(short)[0][3] == (2 if choice == Choice.CANCEL else 0)

    def test_anew_what_is_settled_is_refused(self, short: Order) -> None:
        choose(short, Choice.CANCEL)
        pay()

        with pytest.raises(CannotChoose):
            choose(short, Choice.WAIT)

    def test_is_limited_to_waiting_while_the_payment_is_looked_into(self, short: Order) -> None:
        holds.place(order_id=short.pk, kind=HoldKind.DISPUTE, reason="x", actor="system", now=now())
        for choice in (Choice.CANCEL, Choice.SUBSTITUTE):
            with pytest.raises(CannotChoose, match="looked into"):
                choose(short, choice)
        assert choose(short, Choice.WAIT)
        assert choose(short, Choice.CANCEL, actor=STAFF)

    def test_of_another_order_is_not_there(self, short: Order) -> None:
        other = builders.place({"MUG": 1})
        with pytest.raises(OrderShortage.DoesNotExist):
            choose(other, Choice.WAIT)

    def test_ends_a_hold_for_missing_stock(self, short: Order) -> None:
        holds.place(order_id=short.pk, kind=HoldKind.STOCK, reason="x", actor="system", now=now())
        choose(short, Choice.CANCEL)

        assert OrderHold.objects.get().released_at is not None

    @pytest.mark.parametrize("choice", [Choice.CANCEL, Choice.SUBSTITUTE])
    def test_locks_requests_before_stock(self, short: Order, choice: Choice) -> None:
        builders.add_product("BOWL", price_minor=700, on_hand=4)
        with CaptureQueriesContext(connection) as told:
            choose(short, choice, sku="BOWL" if choice == Choice.SUBSTITUTE else "")

        locks = [each["sql"] for each in told.captured_queries if "FOR " in each["sql"]]
        requests = [n for n, sql in enumerate(locks) if "fulfillment_fulfillment" in sql]
        stock_rows = [n for n, sql in enumerate(locks) if "fulfillment_stock" in sql]
        assert requests[0] < stock_rows[0]


class TestHolds:
    """Other goods do not wait for those about which the customer is asked."""

    def test_are_not_placed_for_what_is_asked_about(self, short: Order) -> None:
        holds.hold_for_stock(order_id=short.pk, now=now())
        assert not OrderHold.objects.exists()

    def test_are_for_what_nobody_is_asked_about(self, short: Order) -> None:
        Reservation.objects.filter(sku="MUG").update(
            state="backordered", backordered_at=now(), shipped=1
        )
        holds.hold_for_stock(order_id=short.pk, now=now())
        holds.release_if_stocked(order_id=short.pk, now=now())

        assert OrderHold.objects.get().released_at is None

    def test_end_once_the_customer_is_asked(self, short: Order) -> None:
        holds.place(order_id=short.pk, kind=HoldKind.STOCK, reason="x", actor="system", now=now())
        jobs.on_closed_short(
            event_id=None,  # type: ignore[arg-type]
            subject_id=short.pk,
            fulfillment_id=row().fulfillment_id,
        )
        assert OrderHold.objects.get().released_at is not None


class TestBackOrders:
    def test_of_all_that_was_confirmed_are_sent_and_taken_out_of_stock(
        self, placed: Order, warehouse: FakeWarehouse
    ) -> None:
        Reservation.objects.update(state="backordered", backordered_at=now())
        Stock.objects.update(reserved=0)
        pay()
        lifecycle.confirm_order(order_id=placed.pk, actor="stripe", now=now())
        holds.hold_for_stock(order_id=placed.pk, now=now())
        warehouse_id = Stock.objects.values_list("warehouse_id", flat=True)[0]

        backorders.fill(warehouse_id=warehouse_id, skus=["CUP", "MUG"], now=now())
        carry()

        request = Fulfillment.objects.get()
        assert (request.state, request.is_held) == ("ready", False)
        assert {each[0] for each in reservations().values()} == {"committed"}

        submit(placed)
        leave(warehouse, request.reference, parcel(MUG=2, CUP=3))
        assert {each[0] for each in reservations().values()} == {"consumed"}
        assert state(placed) == "completed"


class TestTwoWarehouses:
    """Of three cups two are kept in the main warehouse and one far away; neither finds its own."""

    @pytest.fixture
    def split(self, shop: None, warehouse: FakeWarehouse) -> Order:
        stock.ensure_warehouse(code="away", name="Far warehouse")
        for code, units_ in (("main", -4), ("away", 1)):
            stock.adjust(warehouse_code=code, deltas={"CUP": units_}, reason="moved", actor="test")
        order = builders.place({"CUP": 3})
        pay()
        lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=now())
        submit(order)
        for each in Fulfillment.objects.select_related("warehouse").order_by("number"):
            leave(warehouse, each.reference, CUP=2 if each.warehouse.code == "main" else 1)
        return order

    def test_what_came_to_one_of_them_is_not_asked_about_any_more(
        self, split: Order, warehouse: FakeWarehouse
    ) -> None:
        restock()
        submit(split)
        found = dict(OrderShortage.objects.values_list("quantity", "state"))
        assert found == {2: "filled", 1: "open"}

        away = OrderShortage.objects.get(quantity=1)
        choices.choose(
            order_id=split.pk, shortage_id=away.pk, choice=Choice.CANCEL, actor=CUSTOMER, now=now()
        )
        assert state(split) == "in_fulfillment"

        leave(warehouse, f"{split.number}-3", parcel("P-3", CUP=2))
        assert units(split) == [("CUP", 3, 2, 1)]
        assert state(split) == "completed"
        sound()


class TestGoodsThatCome:
    """Both kinds of goods were missing; what is sent instead of the one takes the other along."""

    @pytest.fixture
    def coming(self, bare: Order) -> Order:
        builders.add_product("BOWL", price_minor=700, on_hand=4)
        stock.adjust(warehouse_code="main", deltas={"MUG": 2}, reason="delivery", actor="test")
        choose(bare, Choice.SUBSTITUTE, sku="BOWL")
        rest = Fulfillment.objects.get(number=2)
        assert set(rest.lines.values_list("sku", flat=True)) == {"BOWL", "MUG"}
        assert self.mugs().state == "open"
        return bare

    def mugs(self) -> OrderShortage:
        return OrderShortage.objects.get(line__sku="MUG")

    @pytest.mark.parametrize("choice", [Choice.CANCEL, Choice.SUBSTITUTE])
    def test_can_not_be_given_up(self, coming: Order, choice: Choice) -> None:
        with pytest.raises(CannotChoose, match="on their way"):
            choices.choose(
                order_id=coming.pk,
                shortage_id=self.mugs().pk,
                choice=choice,
                sku="BOWL",
                actor=STAFF,
                now=now(),
            )
        carry()
        assert self.mugs().state == "filled"
        assert reservations()["MUG"] == ("committed", 2, 0)

    def test_are_not_given_up_with_the_rest_either(self, coming: Order) -> None:
        shortages.give_up(coming, actor=CUSTOMER, now=now())

        assert self.mugs().state == "open"
        assert reservations()["MUG"] == ("committed", 2, 0)

    def test_keep_an_order_from_its_end(self, coming: Order) -> None:
        OrderLine.objects.update(cancelled=F("quantity"), allocated=0)
        remainders.end_if_over(order_id=coming.pk, actor=STAFF, now=now())
        assert state(coming) == "in_fulfillment"

        coming.refresh_from_db()
        with pytest.raises(ValueError, match="still leave"):
            lifecycle.cancel(coming, actor=STAFF, now=now())


class TestCancellingTheOrder:
    def test_gives_up_what_is_missing(self, short: Order) -> None:
        assert why_not(order=short) == ""
        cancelling.request_cancellation(
            order_id=short.pk, reason="enough", actor=CUSTOMER, now=now()
        )
        pay()

        assert row().state == "cancelled"
        assert state(short) == "completed"
        assert money(short) == (2695, 3695, 3695, 1000)
        sound()

    @pytest.mark.parametrize("is_short_first", [True, False])
    def test_asks_about_nothing_that_was_given_up_with_it(
        self, confirmed: Order, warehouse: FakeWarehouse, is_short_first: bool
    ) -> None:
        submit(confirmed)
        cancelling.request_cancellation(
            order_id=confirmed.pk, reason="enough", actor=CUSTOMER, now=now()
        )
        request = Fulfillment.objects.get()
        short = (WarehouseLine("CUP", 3, 0, 2, "damaged"),)
        found = warehouse.show(request.reference, "closed_short", parcel(MUG=2, CUP=1), lines=short)
        shipments.record(warehouse_id=request.warehouse_id, found=found)
        for is_short in (is_short_first, not is_short_first):
            if is_short:
                jobs.on_closed_short(
                    event_id=None,  # type: ignore[arg-type]
                    subject_id=confirmed.pk,
                    fulfillment_id=request.pk,
                )
            else:
                jobs.on_fulfillment_stopped(event_id=None, subject_id=confirmed.pk)  # type: ignore[arg-type]
        pay()

        assert not OrderShortage.objects.exclude(state="cancelled").exists()
        assert not OutboxEvent.objects.filter(name="order.goods_short").exists()
        assert units(confirmed) == [("CUP", 3, 1, 2), ("MUG", 2, 2, 0)]
        assert state(confirmed) == "completed"
        sound()
