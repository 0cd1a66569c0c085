"""Vouchers and promotions on orders: what they give, who may have them, when they go back."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from fulfillment.models import Stock
from fulfillment.services import stock
from orders.models import Category, Order, OrderDiscount, Promotion, Voucher, VoucherUse
from orders.pricing import DiscountKind
from orders.queries.discounts import VoucherProblem, VoucherRefused
from orders.queries.pricing import NothingToPay
from orders.services import cancelling, correcting, lifecycle
from orders.services.checkout import TotalChanged, place_order
from orders.services.vouchers import give_voucher_back, take_voucher_again
from orders.states import PaymentTiming
from payments import gateways
from payments.models import OrderAccount
from tests import builders
from tests.builders import place, submission
from tests.core.test_audit import outcome_of
from tests.orders.services.test_late_money import pay_late
from tests.payments.conftest import authorize, send
from tests.payments.fakes import FakeStripe

DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def shop(db: None) -> None:
    builders.open_shop()
    builders.add_product("MUG", on_hand=100)


def voucher(**changes: Any) -> Voucher:
    terms = {"code": "TEN", "kind": DiscountKind.PERCENT, "rate_bp": 1000, **changes}
    return Voucher.objects.create(**terms)


class TestAnOrderWithAVoucher:
    def test_freezes_it_line_by_line_and_by_name(self) -> None:
        voucher(name="A tenth off")
        order = place(voucher=" ten ")

        line = order.lines.get()
        assert (line.discount_minor, line.total_minor) == (180, 1620)
        # 1620 x 20/120, and 395 x 20/120 for shipping.
        assert (line.tax_minor, order.tax_minor) == (270, 270 + 66)
        assert (order.discount_minor, order.total_minor) == (180, 1800 + 395 - 180)
        assert OrderAccount.objects.get().due_minor == order.total_minor
        given = OrderDiscount.objects.get()
        assert (given.source, given.name, given.code) == ("voucher", "A tenth off", "TEN")
        assert (given.amount_minor, given.on_shipping) == (180, False)
        assert Voucher.objects.get().uses == 1
        assert outcome_of("orders/i16_totals_add_up.sql").count == 0
        assert outcome_of("orders/i16_discounts_sum.sql").count == 0
        assert outcome_of("orders/i16_vouchers_count_uses.sql").count == 0

    def test_keeps_no_address_beside_the_voucher(self) -> None:
        voucher()
        place(voucher="TEN")
        assert "ada" not in str(VoucherUse.objects.values())

    def test_ships_free_by_one_that_says_so(self) -> None:
        voucher(kind=DiscountKind.FREE_SHIPPING, rate_bp=0)
        order = place(voucher="TEN")
        assert (order.shipping_minor, order.shipping_discount_minor) == (395, 395)
        assert (order.total_minor, order.shipping_tax_minor) == (1800, 0)
        assert OrderDiscount.objects.get().on_shipping

    def test_leaves_alone_what_would_give_nothing(self) -> None:
        voucher(kind=DiscountKind.FREE_SHIPPING, rate_bp=0, max_uses=1)
        place({"MUG": 6}, voucher="TEN")  # 54.00 of goods ship free by themselves
        assert Voucher.objects.get().uses == 0
        assert not VoucherUse.objects.exists()

    def test_stacks_it_on_what_promotions_left(self) -> None:
        mugs = Category.objects.get(slug="mugs")
        Promotion.objects.create(name="Sale", kind="percent", rate_bp=5000, category=mugs)
        voucher()
        order = place(voucher="TEN")
        given = OrderDiscount.objects.values_list("source", "amount_minor")
        assert list(given) == [("promotion", 900), ("voucher", 90)]
        assert order.total_minor == 810 + 395

    def test_is_refused_where_nothing_is_left_to_pay(self) -> None:
        voucher(rate_bp=10_000)
        Promotion.objects.create(name="Free delivery", kind="free_shipping")
        with pytest.raises(NothingToPay):
            place(voucher="TEN")
        assert not Order.objects.exists()

    @pytest.mark.parametrize(("left_minor", "is_placed"), [(29, False), (30, True)])
    def test_is_refused_where_too_little_is_left_for_a_card(
        self, left_minor: int, is_placed: bool
    ) -> None:
        voucher(kind="amount", rate_bp=0, amount_minor=1800 - left_minor, currency="GBP")
        Promotion.objects.create(name="Free delivery", kind="free_shipping")
        if is_placed:
            assert place(voucher="TEN").total_minor == left_minor
        else:
            with pytest.raises(NothingToPay):
                place(voucher="TEN")

    def test_is_refused_where_it_costs_something_else_than_was_shown(self) -> None:
        voucher()
        with pytest.raises(TotalChanged) as caught:
            place(voucher="TEN", expected_total_minor=2195)
        assert (caught.value.expected_minor, caught.value.total_minor) == (2195, 2015)
        assert not Order.objects.exists()
        place(voucher="TEN", expected_total_minor=2015)


class TestRefusals:
    @pytest.mark.parametrize(
        ("problem", "changes", "words"),
        [
            (VoucherProblem.NOT_YET, {"valid_from": timezone.now() + DAY}, "is valid from"),
            (VoucherProblem.OVER, {"valid_until": timezone.now() - DAY}, "not valid any more"),
            (VoucherProblem.OVER, {"is_active": False}, "not valid any more"),
            (VoucherProblem.OTHER_CURRENCY, {"currency": "EUR"}, "for orders in EUR"),
            (VoucherProblem.USED_UP, {"max_uses": 0}, "used up"),
            (
                VoucherProblem.BELOW_MINIMUM,
                {"minimum_minor": 2000, "currency": "GBP"},
                "worth £20.00 or more. Add £2.00 more",
            ),
        ],
    )
    def test_say_what_to_do(self, problem, changes, words) -> None:
        voucher(**changes)
        with pytest.raises(VoucherRefused, match=words) as caught:
            place(voucher="TEN")
        assert caught.value.problem == problem
        assert "emove it" in str(caught.value)
        assert caught.value.missing_minor == (200 if "minimum_minor" in changes else 0)
        assert not Order.objects.exists()
        assert Stock.objects.get().reserved == 0

    def test_an_unknown_one(self) -> None:
        with pytest.raises(VoucherRefused, match="do not know the voucher TEM") as caught:
            place(voucher="TEM")
        assert caught.value.problem == VoucherProblem.UNKNOWN

    def test_one_that_this_customer_had(self) -> None:
        voucher(max_uses_per_customer=1)
        place(voucher="TEN")
        with pytest.raises(VoucherRefused) as caught:
            place(voucher="TEN", email=" ADA@example.com")
        assert caught.value.problem == VoucherProblem.ALREADY_USED
        place(voucher="TEN", email="grace@example.com")
        assert Voucher.objects.get().uses == 2

    def test_are_made_under_the_lock_as_well(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Two orders priced at the same moment: the second finds out when it takes the voucher."""
        found = voucher(max_uses=1)
        monkeypatch.setattr("orders.queries.discounts.check_voucher", lambda *_, **__: None)
        place(voucher="TEN")
        with pytest.raises(VoucherRefused):
            place(voucher="TEN")
        found.refresh_from_db()
        assert found.uses == 1


class TestTheDatabaseItself:
    def test_counts_no_use_beyond_the_limit(self) -> None:
        voucher(max_uses=1, uses=1)
        with pytest.raises(IntegrityError, match="voucher_uses_within_limit"), transaction.atomic():
            Voucher.objects.update(uses=2)

    def test_gives_a_customer_no_second_use_of_a_single_one(self) -> None:
        voucher(max_uses_per_customer=1)
        place(voucher="TEN")
        other = place()
        taken = VoucherUse.objects.get()
        again = {
            "voucher": taken.voucher,
            "order": other,
            "customer_key": taken.customer_key,
            "limit": 1,
        }
        with pytest.raises(IntegrityError, match="one_voucher_use_per_place"), transaction.atomic():
            VoucherUse.objects.create(place=1, **again)
        with pytest.raises(IntegrityError, match="voucher_use_within_limit"), transaction.atomic():
            VoucherUse.objects.create(place=2, **again)

    @pytest.mark.parametrize(
        "terms",
        [
            {"rate_bp": 0},
            {"rate_bp": 10_001},
            {"kind": "amount"},
            {"kind": "amount", "rate_bp": 0, "amount_minor": 100},
            {"kind": "cheaper"},
            {"minimum_minor": 100},
            {"valid_from": timezone.now(), "valid_until": timezone.now() - DAY},
        ],
    )
    def test_refuses_terms_that_say_nothing(self, terms: dict[str, Any]) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            voucher(**terms)

    def test_knows_a_code_in_any_spelling(self) -> None:
        voucher()
        with pytest.raises(IntegrityError, match="one_voucher_per_code"), transaction.atomic():
            voucher(code="ten")


class TestGivingBack:
    @pytest.fixture
    def stripe(self, monkeypatch: pytest.MonkeyPatch) -> FakeStripe:
        fake = FakeStripe()
        monkeypatch.setattr(gateways, "current", lambda: fake)
        return fake

    @pytest.fixture
    def expired(self, stripe: FakeStripe) -> Order:
        voucher(max_uses=1, max_uses_per_customer=1)
        order = place(voucher="TEN")
        send(order, "create")
        later = timezone.now() + timedelta(hours=1)
        lifecycle.expire_order(order_id=order.pk, now=later)
        # The attempt is not over yet: nor is the order, and the voucher is still its own.
        assert Voucher.objects.get().uses == 1
        send(order, "cancel")
        lifecycle.expire_order(order_id=order.pk, now=later)
        order.refresh_from_db()
        assert order.state == "expired"
        return order

    def test_an_expired_order_gives_it_back(self, expired: Order) -> None:
        assert Voucher.objects.get().uses == 0
        assert VoucherUse.objects.get().released_at is not None
        assert outcome_of("orders/i16_vouchers_count_uses.sql").count == 0
        place(voucher="TEN")
        assert Voucher.objects.get().uses == 1

    def test_twice_told_it_goes_back_once(self, expired: Order) -> None:
        give_voucher_back(order=expired, now=timezone.now())
        assert Voucher.objects.get().uses == 0

    def test_a_cancelled_order_gives_it_back(self) -> None:
        voucher(max_uses=1)
        order = place(voucher="TEN")
        with transaction.atomic():
            locked = Order.objects.locked().get(pk=order.pk)
            lifecycle.cancel(locked, actor="customer", now=timezone.now())
        assert Voucher.objects.get().uses == 0
        assert outcome_of("orders/i16_vouchers_count_uses.sql").count == 0

    def test_late_money_takes_it_again(self, expired: Order, stripe: FakeStripe) -> None:
        pay_late(expired, stripe)
        expired.refresh_from_db()
        assert expired.state == "confirmed"
        assert Voucher.objects.get().uses == 1
        assert outcome_of("orders/i16_vouchers_count_uses.sql").count == 0

    def test_late_money_goes_back_where_somebody_else_has_it(
        self, expired: Order, stripe: FakeStripe
    ) -> None:
        place(voucher="TEN", email="grace@example.com")
        pay_late(expired, stripe)
        expired.refresh_from_db()
        assert expired.state == "expired"
        assert Voucher.objects.get().uses == 1
        assert not take_voucher_again(order=expired)
        assert Stock.objects.get().reserved == 2

    def test_is_the_one_of_who_took_it_whatever_the_address_is_now(self) -> None:
        voucher(max_uses_per_customer=1)
        order = place(voucher="TEN", email="ada@example.com")
        correcting.correct_contact(
            order_id=order.pk,
            email="ada@example.org",
            phone="",
            wants_sms=False,
            actor="customer",
            now=timezone.now(),
        )
        order.refresh_from_db()
        give_voucher_back(order=order, now=timezone.now())
        place(voucher="TEN", email="ada@example.com")

        assert not take_voucher_again(order=order)


# As CONTRIBUTING has it; what is not here is locked by who has its order, or its account.
LOCK_ORDER = (
    "orders_order",
    "orders_voucher",
    "payments_orderaccount",
    "fulfillment_fulfillment",
    "fulfillment_stock",
)


class TestItsLock:
    """Two who lock in different orders wait for each other for ever."""

    @pytest.fixture
    def order(self) -> Order:
        voucher()
        return place(voucher="TEN")

    def locks(self, act: Callable[[], object]) -> list[str]:
        """Do it, and return the tables of which rows were locked, each at its first lock."""
        with CaptureQueriesContext(connection) as told:
            act()
        sent = [each["sql"] for each in told.captured_queries]
        found = [
            table
            for sql in sent
            for table in LOCK_ORDER
            if "FOR NO KEY UPDATE" in sql and re.search(rf'(FROM|JOIN) "?{table}\b', sql)
        ]
        assert "orders_voucher" in found
        return list(dict.fromkeys(found))

    def test_has_its_place_when_the_order_is_placed(self) -> None:
        voucher()
        found = self.locks(lambda: place(voucher="TEN"))
        assert found == sorted(found, key=LOCK_ORDER.index)

    def test_has_its_place_when_the_order_expires(self, order: Order) -> None:
        later = timezone.now() + DAY
        found = self.locks(lambda: lifecycle.expire_order(order_id=order.pk, now=later))
        assert found == sorted(found, key=LOCK_ORDER.index)

    @pytest.mark.parametrize("is_paid", [False, True])
    def test_has_its_place_when_the_order_is_cancelled(
        self, order: Order, stripe: FakeStripe, is_paid: bool
    ) -> None:
        if is_paid:
            authorize(order)
            assert lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=timezone.now())
        found = self.locks(
            lambda: cancelling.request_cancellation(
                order_id=order.pk, reason="x", actor="customer", now=timezone.now()
            )
        )
        assert found == sorted(found, key=LOCK_ORDER.index)
        order.refresh_from_db()
        assert order.state == "cancelled"

    def test_has_its_place_when_money_comes_late(self, order: Order, stripe: FakeStripe) -> None:
        authorize(order)
        give_voucher_back(order=order, now=timezone.now())
        stock.release_reservations(order_id=order.pk)
        Order.objects.update(state="expired", payment_timing=PaymentTiming.AT_ORDER)
        found = self.locks(
            lambda: lifecycle.confirm_order(order_id=order.pk, actor="stripe", now=timezone.now())
        )
        assert found == sorted(found, key=LOCK_ORDER.index)
        assert Voucher.objects.get().uses == 1


def test_a_refusal_leaves_the_key_free() -> None:
    wanted = submission(voucher="TEN")
    with pytest.raises(VoucherRefused):
        place_order(submission=wanted, now=timezone.now())
    placed = place_order(submission=replace(wanted, voucher=""), now=timezone.now())
    assert placed.body["discounts"] == []
