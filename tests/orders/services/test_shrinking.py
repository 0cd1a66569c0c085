"""Money for cancelled goods goes back once, or a person is told that it does not."""

from collections.abc import Callable

import pytest

from globalmart.core.audit import run_audit
from globalmart.core.models import Alert
from orders import jobs
from orders.models import Order, OrderShortage
from orders.services import choices, refunds
from orders.services.choices import Choice
from orders.services.refunds import Selection, what_is_left
from payments.models import OrderAccount, PaymentAttempt, Refund
from payments.services.disputes import apply_dispute
from payments.services.refunds import Reason, cancel_refund, reject_refund
from tests.fulfillment.fakes import FakeWarehouse, parcel
from tests.orders.house import leave, money, now, pay, submit
from tests.orders.services.test_cancelling import sound
from tests.payments.disputing import dispute

CUSTOMER, STAFF = "customer", "staff:1"


@pytest.fixture
def short(confirmed: Order, warehouse: FakeWarehouse) -> Order:
    """Both mugs and a cup have left and are paid for, 36.95; two cups, 10.00, are damaged."""
    submit(confirmed)
    leave(warehouse, f"{confirmed.number}-1", parcel(MUG=2, CUP=1), CUP=2)
    return confirmed


def go_without(order: Order, actor: str = CUSTOMER) -> None:
    choices.choose(
        order_id=order.pk,
        shortage_id=OrderShortage.objects.get().pk,
        choice=Choice.CANCEL,
        actor=actor,
        now=now(),
    )
    pay()


def refund(order: Order, selection: Selection, reason: Reason = Reason.REQUESTED) -> int:
    found = refunds.request_refund(
        order_id=order.pk,
        selection=selection,
        reason=reason,
        requested_by=STAFF,
        now=now(),
        approve=True,
    )
    pay()
    return found.id


def cups(order: Order) -> Selection:
    """The two cups that are missing."""
    return Selection(quantities={order.lines.get(sku="CUP").position: 2})


def tell_dispute(order: Order, status: str) -> None:
    intent_id = PaymentAttempt.objects.get(order=order).stripe_intent_id or ""
    shown = dispute(status, intent_id=intent_id, amount_minor=3695)
    apply_dispute(answer=shown, actor="webhook", now=now())


def amounts() -> list[int]:
    return list(Refund.objects.order_by("pk").values_list("amount_minor", flat=True))


def is_alerted() -> bool:
    return Alert.objects.filter(kind="refund_owed", closed_at__isnull=True).exists()


class TestInADispute:
    @pytest.fixture
    def refused(self, short: Order) -> Order:
        tell_dispute(short, "needs_response")
        go_without(short, STAFF)
        assert (amounts(), is_alerted()) == ([], True)
        return short

    def test_is_given_back_once_it_is_won(self, refused: Order) -> None:
        tell_dispute(refused, "won")
        pay()

        assert (amounts(), is_alerted()) == ([1000], False)
        assert money(refused) == (2695, 3695, 3695, 1000)
        sound()

    def test_is_not_given_once_more_where_a_person_was_first(self, refused: Order) -> None:
        tell_dispute(refused, "won")
        refund(refused, Selection(amount_minor=1000))

        assert (amounts(), is_alerted()) == ([1000], False)
        assert money(refused) == (2695, 3695, 3695, 1000)

    def test_a_refund_asks_for_no_other(self, refused: Order) -> None:
        tell_dispute(refused, "won")
        refunds.request_refund(
            order_id=refused.pk,
            selection=Selection(amount_minor=1000),
            reason=Reason.GOODWILL,
            requested_by=STAFF,
            now=now(),
        )
        jobs.on_refund_succeeded(event_id=None, subject_id=refused.pk)  # type: ignore[arg-type]

        assert (amounts(), is_alerted()) == ([1000], True)


class TestRefundedBefore:
    @pytest.mark.parametrize("reason", [Reason.REQUESTED, Reason.CANCELLED])
    def test_by_line_is_not_given_once_more(self, short: Order, reason: Reason) -> None:
        refund(short, cups(short), reason)
        go_without(short)

        assert (amounts(), is_alerted()) == ([1000], False)
        assert money(short) == (2695, 3695, 3695, 1000)
        left = {each.sku: each.quantity for each in what_is_left(order=short).lines}
        assert left == {"CUP": 1, "MUG": 2}
        sound()

    def test_as_an_amount_counts_as_far_as_it_goes(self, short: Order) -> None:
        refund(short, Selection(amount_minor=300))
        go_without(short)

        assert (amounts(), is_alerted()) == ([300, 700], False)

    @pytest.mark.parametrize("reason", [Reason.GOODWILL, Reason.RETURNED])
    def test_for_another_reason_is_another_matter(self, short: Order, reason: Reason) -> None:
        refund(short, Selection(amount_minor=300), reason)
        go_without(short)

        assert amounts() == [300, 1000]

    def test_for_other_goods_is_another_matter(self, short: Order) -> None:
        mugs = short.lines.get(sku="MUG").position
        refund(short, Selection(quantities={mugs: 2}))
        go_without(short)

        assert amounts() == [1800, 1000]


class TestRejected:
    def test_before_the_goods_were_cancelled_it_is_asked_anew(
        self, short: Order, settings: object
    ) -> None:
        settings.REFUND_SECOND_PERSON_ABOVE_MINOR = 999  # type: ignore[attr-defined]
        asked = refund(short, cups(short), Reason.CANCELLED)
        reject_refund(refund_id=asked, rejected_by="staff:2", reason="ask them", now=now())
        settings.REFUND_SECOND_PERSON_ABOVE_MINOR = 5000  # type: ignore[attr-defined]
        go_without(short)

        assert amounts() == [1000, 1000]
        assert money(short) == (2695, 3695, 3695, 1000)
        assert not is_alerted()

    @pytest.mark.parametrize("actor", [CUSTOMER, STAFF])
    def test_afterwards_it_is_left_to_a_person_who_is_told(
        self, short: Order, settings: object, actor: str
    ) -> None:
        settings.REFUND_SECOND_PERSON_ABOVE_MINOR = 999  # type: ignore[attr-defined]
        go_without(short, actor)
        asked = Refund.objects.get()
        reject_refund(refund_id=asked.pk, rejected_by="staff:2", reason="no", now=now())
        Alert.objects.update(closed_at=now())
        settings.REFUND_SECOND_PERSON_ABOVE_MINOR = 5000  # type: ignore[attr-defined]
        jobs.on_payment_captured(event_id=None, subject_id=short.pk)  # type: ignore[arg-type]

        assert (amounts(), is_alerted()) == ([1000], True)

    @pytest.mark.parametrize("end", [cancel_refund, reject_refund])
    def test_is_told_at_once_by_whoever_says_no(
        self, short: Order, settings: object, end: Callable[..., None]
    ) -> None:
        settings.REFUND_SECOND_PERSON_ABOVE_MINOR = 999  # type: ignore[attr-defined]
        go_without(short)
        Alert.objects.update(closed_at=now())
        said_by = "cancelled_by" if end is cancel_refund else "rejected_by"
        refund_id = Refund.objects.get().pk
        end(refund_id=refund_id, reason="no", now=now(), **{said_by: "staff:2"})
        assert not is_alerted()

        pay()

        assert is_alerted()
        # A capture in Stripe's dashboard may come after less was due already.
        OrderAccount.objects.update(due_minor=2695)
        assert breaches("i01_money_within_bounds") == 0
        Alert.objects.update(closed_at=now())
        assert breaches("i01_money_within_bounds") == 1


def breaches(name: str) -> int:
    return sum(found.count for found in run_audit().findings if name in found.invariant.path.name)
