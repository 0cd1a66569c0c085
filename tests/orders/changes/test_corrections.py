"""Contact changes at once; an address by how far the goods have come. What has left stays."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from fulfillment.gateways.wms import CancelAnswer, SubmitAnswer
from fulfillment.models import Fulfillment
from globalmart.core.models import OutboxEvent, TimelineEntry
from orders import links
from orders.models import Order, OrderCorrection, TaxRate
from orders.queries import corrections
from orders.queries.changes import is_changing
from orders.services import cancelling, correcting
from orders.services.correcting import CannotCorrect
from orders.states import CORRECTION_AGE, CorrectionState
from tests.builders import LONDON, NOON
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.orders.house import leave, now, pay, split_between_two_warehouses, state, submit
from tests.orders.services.test_cancelling import sound

CUSTOMER, STAFF = "customer", "staff:1"
LEEDS = replace(LONDON, line1="1 Park Row", city="Leeds", postal_code="LS1 5HN").as_dict()
PARIS = replace(LONDON, line1="1 rue Cler", city="Paris", postal_code="75007", country="FR")


def move(order: Order, address: dict[str, str] | None = None, actor: str = CUSTOMER) -> Any:
    return correcting.correct_address(
        order_id=order.pk, address=address or LEEDS, actor=actor, now=now()
    )


def reach(order: Order, email: str = "ada@example.org", **changes: Any) -> Any:
    wanted = {"phone": "", "wants_sms": False, **changes}
    return correcting.correct_contact(
        order_id=order.pk, email=email, actor=CUSTOMER, now=now(), **wanted
    )


def cities(order: Order) -> list[tuple[str, str, str]]:
    rows = Fulfillment.objects.filter(order=order).order_by("number")
    return [(row.reference[-1], row.state, row.ship_to["city"]) for row in rows]


def city(order: Order) -> str:
    return str(Order.objects.get(pk=order.pk).shipping_address["city"])


def told(name: str) -> int:
    return OutboxEvent.objects.filter(name=name).count()


class TestAddress:
    def test_changes_at_once_while_nothing_is_paid(self, placed: Order) -> None:
        assert move(placed).state == "applied"
        assert city(placed) == "Leeds"
        pay()
        assert cities(placed) == [("1", "ready", "Leeds")]
        sound()

    def test_changes_at_once_on_what_was_never_sent(self, confirmed: Order) -> None:
        assert move(confirmed).state == "applied"
        assert (city(confirmed), cities(confirmed)) == ("Leeds", [("1", "ready", "Leeds")])
        assert told("order.address_corrected") == 1
        sound()

    def test_changes_on_what_the_warehouse_refused(
        self, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(SubmitAnswer("rejected", "", "bad_address", "no such street"))
        submit(confirmed)
        assert move(confirmed).state == "applied"
        assert cities(confirmed) == [("1", "rejected", "Leeds")]

    def test_goes_with_a_new_request_once_the_first_came_back(self, confirmed: Order) -> None:
        submit(confirmed)
        row = move(confirmed)
        assert (row.state, city(confirmed)) == ("requested", "London")
        assert is_changing(order_id=confirmed.pk)

        submit(confirmed)

        assert city(confirmed) == "Leeds"
        assert cities(confirmed) == [("1", "cancelled", "London"), ("2", "ready", "Leeds")]
        assert OrderCorrection.objects.get().state == "applied"
        sound()
        submit(confirmed)
        assert cities(confirmed)[1] == ("2", "accepted", "Leeds")

    def test_stays_where_it_is_too_late(self, confirmed: Order, warehouse: FakeWarehouse) -> None:
        submit(confirmed)
        move(confirmed)
        warehouse.cancel_answers.append(CancelAnswer("too_late", "packed"))
        submit(confirmed)

        assert OrderCorrection.objects.get().state == "rejected"
        assert (city(confirmed), told("order.address_correction_rejected")) == ("London", 1)
        with pytest.raises(CannotCorrect, match="has left, or could not"):
            move(confirmed)
        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))
        assert state(confirmed) == "completed"
        sound()

    def test_stays_where_the_parcel_overtook_it(
        self, confirmed: Order, warehouse: FakeWarehouse
    ) -> None:
        submit(confirmed)
        move(confirmed)
        leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=3))
        assert OrderCorrection.objects.get().state == "rejected"
        assert (state(confirmed), city(confirmed)) == ("completed", "London")
        sound()

    def test_is_asked_for_once(self, confirmed: Order) -> None:
        submit(confirmed)
        first = move(confirmed)
        assert move(confirmed) == first
        with pytest.raises(CannotCorrect, match="earlier change"):
            move(confirmed, {**LEEDS, "city": "York"})
        with pytest.raises(cancelling.CannotCancel, match="earlier change"):
            cancelling.request_cancellation(
                order_id=confirmed.pk, reason="x", actor=CUSTOMER, now=now()
            )
        with pytest.raises(IntegrityError), transaction.atomic():
            OrderCorrection.objects.create(
                order=confirmed, kind="address", requested_by=STAFF, requested_at=now()
            )

    def test_that_it_has_is_no_change(self, confirmed: Order) -> None:
        assert move(confirmed, LONDON.as_dict()) is None
        assert not OrderCorrection.objects.exists()

    def test_in_another_country_needs_the_same_price(self, confirmed: Order) -> None:
        with pytest.raises(CannotCorrect, match="the price of this order is fixed"):
            move(confirmed, PARIS.as_dict())
        TaxRate.objects.create(
            country="FR", tax_class="standard", rate_bp=2000, valid_from=NOON.date()
        )
        assert move(confirmed, PARIS.as_dict()).state == "applied"

    def test_in_another_region_needs_the_same_price(self, confirmed: Order) -> None:
        isle = {**LEEDS, "region": "Isle of Man"}
        TaxRate.objects.create(
            country="GB",
            region="Isle of Man",
            tax_class="standard",
            rate_bp=0,
            valid_from=NOON.date(),
        )
        with pytest.raises(CannotCorrect, match="the price of this order is fixed"):
            move(confirmed, isle)
        assert move(confirmed, {**LEEDS, "region": "Yorkshire"}).state == "applied"

    def test_answers_in_any_order_and_number_change_it_once(self, confirmed: Order) -> None:
        submit(confirmed)
        move(confirmed)
        submit(confirmed)
        before = cities(confirmed)
        for _ in range(3):
            correcting.go_on(order_id=confirmed.pk, now=now())
        assert cities(confirmed) == before
        assert told("order.address_corrected") == 1


class TestContact:
    def test_changes_at_once_wherever_the_order_is(self, confirmed: Order) -> None:
        submit(confirmed)
        reach(confirmed, phone="+442079460000", wants_sms=True)
        found = Order.objects.get()
        assert (found.email, found.phone, found.wants_sms) == (
            "ada@example.org",
            "+442079460000",
            True,
        )

    def test_writes_the_phone_on_what_was_never_sent(self, confirmed: Order) -> None:
        reach(confirmed, email=confirmed.email, phone="+442079460000")
        assert Fulfillment.objects.get().ship_to["phone"] == "+442079460000"

    def test_changes_while_another_address_waits(
        self, shop: None, warehouse: FakeWarehouse
    ) -> None:
        order = split_between_two_warehouses()
        warehouse.answers.append(SubmitAnswer("rejected", "", "bad_address", "no such street"))
        submit(order)
        assert move(order).state == "requested"

        assert reach(order, email=order.email, phone="+442079460000").state == "applied"

        refused = Fulfillment.objects.get(order=order, state="rejected")
        assert (refused.ship_to["city"], refused.ship_to["phone"]) == ("Leeds", "+442079460000")
        submit(order)
        assert city(order) == "Leeds"
        sound()

    def test_another_email_ends_the_links_that_are_out(self, confirmed: Order) -> None:
        before = links.order_secret(Order.objects.get())
        reach(confirmed)
        assert links.find_order_by_link(confirmed.number, before) is None
        assert OrderCorrection.objects.get().former_email == "ada@example.com"

    def test_another_phone_does_not(self, confirmed: Order) -> None:
        before = links.order_secret(Order.objects.get())
        reach(confirmed, email=confirmed.email, phone="+442079460000")
        assert links.find_order_by_link(confirmed.number, before) is not None

    def test_that_it_has_is_no_change(self, confirmed: Order) -> None:
        assert reach(confirmed, email=confirmed.email) is None
        assert told("order.contact_corrected") == 0

    def test_of_an_ended_order_stays(self, confirmed: Order) -> None:
        cancelling.request_cancellation(
            order_id=confirmed.pk, reason="x", actor=CUSTOMER, now=now()
        )
        with pytest.raises(CannotCorrect, match="ended"):
            reach(confirmed)

    def test_a_text_message_needs_a_number(self, confirmed: Order) -> None:
        with pytest.raises(ValueError, match="number"):
            reach(confirmed, wants_sms=True)


def test_what_was_and_is_personal_stands_in_no_book_for_ever(confirmed: Order) -> None:
    reach(confirmed)
    move(confirmed)
    told = list(TimelineEntry.objects.values_list("reason", "data", "before", "after"))
    books = (told, list(OutboxEvent.objects.values_list("payload")))
    assert not any(word in str(books) for word in ("Leeds", "Park Row", "ada@", "London"))
    assert set(OrderCorrection.objects.values_list("state", flat=True)) == {"applied"}
    assert all(row.wanted == {} for row in OrderCorrection.objects.all())
    with pytest.raises(IntegrityError), transaction.atomic():
        OrderCorrection.objects.update(wanted={"city": "Leeds"})


def test_what_nobody_answers_is_told(confirmed: Order) -> None:
    submit(confirmed)
    move(confirmed)
    age = CORRECTION_AGE[CorrectionState.REQUESTED]
    assert corrections.list_stuck(now=now() + age - timedelta(minutes=1)) == []
    (found,) = corrections.list_stuck(now=now() + age + timedelta(minutes=1))
    assert (found.kind, found.subject_id) == ("correction_stuck", confirmed.pk)
