"""A return from its wish to its refund: what was asked back comes, is looked at, is paid back."""

from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import timezone
from pytest_django import Settings

from fulfillment.models import Stock
from fulfillment.services import stock as levels
from orders.models import Order, OrderLine, Return, ReturnLine
from orders.queries import returns as queries
from orders.services.returns import deciding, inspecting, receiving, requesting
from orders.services.returns.steps import CannotReturn
from orders.states import Decision, Disposition, Reception, ReturnKind
from tests.orders.returns import story
from tests.orders.returns.story import CUP, MUG, STAFF


class TestAsking:
    def test_gives_a_label_at_once_within_the_window(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 2})
        assert rma.state == "awaiting_goods"
        assert rma.number.startswith("RMA-")
        assert story.told(shipped) == ["requested", "approved", "awaiting_goods"]

    def test_waits_for_staff_where_the_house_says_so(
        self, shipped: Order, settings: Settings
    ) -> None:
        settings.RETURN_AUTO_APPROVE = False
        rma = story.ask(shipped, {MUG: 1})
        assert rma.state == "requested"
        assert deciding.approve(return_id=rma.pk, actor=STAFF, now=timezone.now())
        assert not deciding.approve(return_id=rma.pk, actor=STAFF, now=timezone.now())
        rma.refresh_from_db()
        assert rma.state == "awaiting_goods"

    def test_twice_with_one_form_asks_once(self, shipped: Order) -> None:
        uuid = uuid4()
        assert story.ask(shipped, {MUG: 1}, uuid=uuid) == story.ask(shipped, {MUG: 1}, uuid=uuid)
        assert Return.objects.count() == 1

    def test_is_for_no_more_than_was_shipped_and_is_not_asked_back(self, shipped: Order) -> None:
        story.ask(shipped, {CUP: 2})
        with pytest.raises(CannotReturn, match="1 can be sent back"):
            story.ask(shipped, {CUP: 2})
        story.ask(shipped, {CUP: 1})
        with pytest.raises(CannotReturn):
            story.ask(shipped, {CUP: 1})

    def test_is_for_nothing_that_has_not_left(self, confirmed: Order) -> None:
        with pytest.raises(CannotReturn):
            story.ask(confirmed, {MUG: 1}, actor=STAFF)

    def test_ends_with_the_window_for_customers_but_not_for_staff(
        self, shipped: Order, settings: Settings
    ) -> None:
        settings.RETURN_WINDOW_DAYS = -1
        assert not queries.may_return(order=shipped, now=timezone.now())
        with pytest.raises(CannotReturn, match="over"):
            story.ask(shipped, {MUG: 1})
        assert story.ask(shipped, {MUG: 1}, actor=STAFF).state == "awaiting_goods"

    def test_counts_the_window_from_the_delivery(self, shipped: Order, settings: Settings) -> None:
        story.deliver(shipped, at=story.long_ago(29))
        assert queries.may_return(order=shipped, now=timezone.now())
        settings.RETURN_WINDOW_DAYS = 28
        assert not queries.may_return(order=shipped, now=timezone.now())

    def test_can_be_cancelled_until_the_goods_are_sent(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 1})
        cancel = requesting.cancel_return
        assert cancel(return_id=rma.pk, actor="customer", now=timezone.now())
        assert not cancel(return_id=rma.pk, actor="customer", now=timezone.now())

        again = story.ask(shipped, {MUG: 2})
        deciding.mark_sent(return_id=again.pk, actor="customer", now=timezone.now())
        with pytest.raises(CannotReturn, match="on their way"):
            cancel(return_id=again.pk, actor="customer", now=timezone.now())

    def test_can_be_declined_with_a_reason_and_asked_anew(
        self, shipped: Order, settings: Settings
    ) -> None:
        settings.RETURN_AUTO_APPROVE = False
        rma = story.ask(shipped, {MUG: 2})
        with pytest.raises(CannotReturn):
            deciding.decline(return_id=rma.pk, reason=" ", actor=STAFF, now=timezone.now())
        deciding.decline(return_id=rma.pk, reason="It was used", actor=STAFF, now=timezone.now())
        rma.refresh_from_db()
        assert (rma.state, rma.decline_reason) == ("declined", "It was used")
        assert story.ask(shipped, {MUG: 2}).state == "requested"


class TestReceiving:
    def test_by_the_number_on_the_label(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 2})
        story.tell_receipt(MUG, 2, rma=rma.number.lower())
        rma.refresh_from_db()
        assert rma.state == "received"
        assert story.alerts() == []

    def test_by_the_order_where_one_return_awaits_such_goods(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 2, CUP: 1})
        story.tell_receipt(MUG, 2, reference=shipped.number)
        rma.refresh_from_db()
        assert rma.state == "partially_received"

    def test_is_for_staff_where_two_returns_await_such_goods(self, shipped: Order) -> None:
        first, second = story.ask(shipped, {MUG: 1}), story.ask(shipped, {MUG: 1})
        receipt = story.tell_receipt(MUG, 1, reference=shipped.number)
        assert story.alerts() == ["return_unmatched"]

        receiving.take_receipt(
            receipt_id=receipt.pk, return_id=second.pk, actor=STAFF, now=timezone.now()
        )
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.state, second.state) == ("awaiting_goods", "received")
        assert story.alerts() == []

    @pytest.mark.parametrize(("sku", "quantity"), [(CUP, 1), (MUG, 3)])
    def test_is_for_staff_where_nobody_awaits_it(
        self, shipped: Order, sku: str, quantity: int
    ) -> None:
        rma = story.ask(shipped, {MUG: 2})
        story.tell_receipt(sku, quantity, rma=rma.number)
        rma.refresh_from_db()
        assert rma.state == "awaiting_goods"
        assert story.alerts() == ["return_unmatched"]

    def test_of_goods_that_no_order_knows_is_for_staff(self, shop: None) -> None:
        story.tell_receipt(MUG, 1)
        assert story.alerts() == ["return_unmatched"]

    def test_of_more_than_is_awaited_can_be_set_aside(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 1})
        receipt = story.tell_receipt(MUG, 2, rma=rma.number)
        assert story.alerts() == ["return_unmatched"]
        said = {"receipt_id": receipt.pk, "return_id": rma.pk, "actor": STAFF}
        with pytest.raises(CannotReturn, match="Say what became of it"):
            receiving.set_aside(**said, reason=" ", now=timezone.now())  # type: ignore[arg-type]
        for is_new in (True, False):
            done = receiving.set_aside(**said, reason="another's", now=timezone.now())  # type: ignore[arg-type]
            assert done is is_new
        assert story.alerts() == []
        rma.refresh_from_db()
        assert (rma.state, story.returned(shipped)[MUG]) == ("awaiting_goods", 0)

    def test_counts_a_receipt_once(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 2})
        receipt = story.tell_receipt(MUG, 1, rma=rma.number)
        again = receiving.take_receipt(
            receipt_id=receipt.pk, return_id=rma.pk, actor=STAFF, now=timezone.now()
        )
        assert not again
        assert sorted(rma.lines.values_list("quantity", "reception")) == [
            (1, "awaiting"),
            (1, "received"),
        ]

    def test_counts_a_form_once(self, shipped: Order) -> None:
        rma, uuid = story.ask(shipped, {MUG: 2}), uuid4()
        first, second = (
            receiving.receive_by_hand(
                return_id=rma.pk,
                uuid=uuid,
                sku=MUG,
                quantity=1,
                reception=Reception.DAMAGED,
                actor=STAFF,
                now=timezone.now(),
            )
            for _ in range(2)
        )
        assert (first, second) == (True, False)
        assert rma.lines.get(reception="damaged").quantity == 1

    def test_of_a_second_parcel_brings_what_the_first_one_lacked(self, shipped: Order) -> None:
        rma = story.ask(shipped, {CUP: 3})
        story.arrive(rma, CUP, 1)
        story.arrive(rma, CUP, 1, Reception.SHORT)
        story.arrive(rma, CUP, 2)
        assert rma.state == "received"
        assert set(rma.lines.values_list("reception", flat=True)) == {"received"}

    def test_adds_nothing_to_the_stock_that_the_warehouse_tells_of_itself(
        self, shipped: Order
    ) -> None:
        before = Stock.objects.get(sku=MUG).on_hand
        rma = story.ask(shipped, {MUG: 2})
        story.tell_receipt(MUG, 2, rma=rma.number)
        story.accept(rma)
        assert Stock.objects.get(sku=MUG).on_hand == before
        # The shelf is told of by the warehouse's change of stock, once.
        levels.adjust(warehouse_code="main", deltas={MUG: 2}, reason="back", actor="warehouse")
        assert Stock.objects.get(sku=MUG).on_hand == before + 2


class TestInspecting:
    def test_pays_back_what_is_taken_and_closes(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 2})
        story.arrive(rma, MUG, 2)
        story.accept(rma)
        assert rma.state == "closed"
        assert story.refunds(shipped) == [("succeeded", 1800)]
        assert story.returned(shipped) == {MUG: 2, CUP: 0}
        assert story.told(shipped)[-3:] == ["received", "inspected", "closed"]

    def test_pays_parts_back_as_they_arrive_exact_to_the_last_unit(self, shipped: Order) -> None:
        OrderLine.objects.filter(sku=CUP).update(total_minor=1000, discount_minor=500)
        rma = story.ask(shipped, {CUP: 3})
        for _ in range(3):
            story.arrive(rma, CUP, 1)
            story.accept(rma)
        assert [amount for _state, amount in story.refunds(shipped)] == [334, 333, 333]
        assert rma.state == "closed"

    def test_sends_back_what_is_refused_and_does_not_pay_for_it(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 2})
        story.arrive(rma, MUG, 2)
        row = rma.lines.get()
        inspecting.inspect(
            row_id=row.pk,
            quantity=1,
            decision=Decision.REJECTED,
            disposition=None,
            actor=STAFF,
            now=timezone.now(),
            reason="used",
        )
        story.accept(rma)
        assert rma.state == "closed"
        assert story.refunds(shipped) == [("succeeded", 900)]
        assert story.returned(shipped)[MUG] == 1
        refused = rma.lines.get(decision="rejected")
        assert refused.disposition == "return_to_customer"
        assert queries.get_return(return_id=rma.pk).has_refund
        # It is the customer's again, and may be asked back once more.
        assert story.ask(shipped, {MUG: 1}, actor=STAFF).state == "awaiting_goods"

    def test_of_what_is_all_refused_promises_no_money(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 1})
        story.arrive(rma, MUG, 1)
        inspecting.inspect(
            row_id=rma.lines.get().pk,
            quantity=1,
            decision=Decision.REJECTED,
            disposition=None,
            actor=STAFF,
            now=timezone.now(),
            reason="used",
        )
        assert not queries.get_return(return_id=rma.pk).has_refund
        context = {"rma": queries.get_return(return_id=rma.pk)}
        for name in ("body.txt", "body.html"):
            assert "money" not in render_to_string(f"messages/return_closed/{name}", context)

    def test_is_not_done_before_the_goods_are_there(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 1})
        with pytest.raises(CannotReturn, match="not come yet"):
            inspecting.inspect(
                row_id=rma.lines.get().pk,
                quantity=1,
                decision=Decision.ACCEPTED,
                disposition=Disposition.SCRAP,
                actor=STAFF,
                now=timezone.now(),
            )

    def test_may_take_what_was_lost_on_its_way_with_our_label(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 1})
        story.arrive(rma, MUG, 1, Reception.LOST_IN_TRANSIT)
        inspecting.inspect(
            row_id=rma.lines.get().pk,
            quantity=1,
            decision=Decision.ACCEPTED,
            disposition=None,
            actor="system",
            now=timezone.now(),
        )
        assert story.returned(shipped)[MUG] == 1
        assert [amount for _state, amount in story.refunds(shipped)] == [900]

    def test_twice_pays_once(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 1})
        story.arrive(rma, MUG, 1)
        for _ in range(2):
            inspecting.inspect(
                row_id=rma.lines.get().pk,
                quantity=1,
                decision=Decision.ACCEPTED,
                disposition=Disposition.RESTOCK,
                actor=STAFF,
                now=timezone.now(),
            )
        assert len(story.refunds(shipped)) == 1
        assert story.returned(shipped)[MUG] == 1

    def test_large_refunds_wait_for_a_person(self, shipped: Order, settings: Settings) -> None:
        settings.REFUND_SECOND_PERSON_ABOVE_MINOR = 100
        rma = story.ask(shipped, {MUG: 1})
        story.arrive(rma, MUG, 1)
        story.accept(rma)
        assert (rma.state, story.refunds(shipped)) == ("closed", [("requested", 900)])

    def test_the_rest_may_never_come(self, shipped: Order) -> None:
        rma = story.ask(shipped, {CUP: 3})
        story.arrive(rma, CUP, 1)
        story.accept(rma)
        inspecting.give_up_rest(return_id=rma.pk, actor=STAFF, now=timezone.now(), reason="lost")
        rma.refresh_from_db()
        assert rma.state == "closed"
        assert story.returned(shipped)[CUP] == 1


class TestExpiring:
    def test_ends_a_return_whose_goods_never_came(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 1})
        assert not deciding.expire(return_id=rma.pk, now=timezone.now())
        Return.objects.update(goods_due_at=story.long_ago(1))
        assert queries.list_overdue(now=timezone.now(), limit=9) == [rma.pk]
        assert deciding.expire(return_id=rma.pk, now=timezone.now())
        rma.refresh_from_db()
        assert rma.state == "expired"
        assert not queries.has_overdue(now=timezone.now())
        assert story.refunds(shipped) == []

    def test_tells_staff_of_returns_that_nothing_moves(self, shipped: Order) -> None:
        rma = story.ask(shipped, {MUG: 1})
        Return.objects.update(state_changed_at=story.long_ago(46))
        (found,) = queries.list_stuck(now=timezone.now())
        assert (found.kind, found.subject_id) == ("return_stuck", shipped.pk)
        assert rma.number in found.detail


class TestDatabase:
    """What holds although the code forgets it."""

    def refuse(self, name: str, **changes: object) -> None:
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            Return.objects.update(**changes)

    def refuse_line(self, name: str, **changes: object) -> None:
        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            ReturnLine.objects.update(**changes)

    def test_refuses_what_no_return_may_be(self, shipped: Order) -> None:
        story.ask(shipped, {MUG: 1})
        self.refuse("return_state_known", state="lost")
        self.refuse("return_kind_known", kind="gift")
        self.refuse("return_method_known", method="owl")
        self.refuse("declined_return_says_why", state="declined")
        self.refuse("withdrawal_never_declined", kind=ReturnKind.WITHDRAWAL)
        self.refuse_line("return_line_quantity", quantity=0)
        self.refuse_line("return_reception_known", reception="stolen")
        self.refuse_line("return_decision_fits_goods", decision="accepted", disposition="scrap")
        self.refuse_line("return_decision_fits_goods", disposition="scrap")
        self.refuse_line("only_accepted_units_are_refunded", refund_uuid=uuid4())

    def test_refuses_more_back_than_was_shipped(self, shipped: Order) -> None:
        with pytest.raises(IntegrityError, match="line_returned_within_shipped"):
            OrderLine.objects.filter(sku=MUG).update(returned=3)
