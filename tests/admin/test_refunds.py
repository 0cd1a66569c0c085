"""Staff refund an order on its page, with a permission; large ones need a second person."""

from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from orders.admin.refunds import _buttons, _words
from orders.links import order_path
from orders.models import Order
from payments.models import Refund
from payments.queries import list_refunds
from payments.services import refunding
from payments.services.refund_books import RefundRefused
from payments.services.refund_outcomes import apply_refund
from tests.builders import NOON
from tests.payments.conftest import (  # noqa: F401 - fixtures
    attempt_of,
    order,
    paid_order,
    refunds,
    stripe,
)
from tests.payments.fake_refunds import FakeRefunds
from tests.payments.refunding import last_operation, sums


def login(name: str, *codenames: str) -> Client:
    """A member of staff with these permissions alone."""
    user = User.objects.create(username=name, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def finance(db: None) -> Client:
    return login("finance", "view_order", "refund_payment")


@pytest.fixture
def chief(db: None) -> Client:
    return login("chief", "view_order", "refund_payment")


def ask(client: Client, placed: Order, **fields: object) -> str:
    """Send the form and return the page that follows."""
    data = {"uuid": str(uuid4()), "reason": "goodwill", **fields}
    answer = client.post(reverse("admin:orders_order_refund", args=[placed.pk]), data, follow=True)
    return answer.content.decode()


def act(client: Client, refund: Refund, action: str, words: str = "") -> str:
    url = reverse("admin:orders_order_refund_act", args=[refund.order_id, refund.pk, action])
    return client.post(url, {"words": words}, follow=True).content.decode()


def test_the_page_shows_what_can_still_be_refunded(
    finance: Client,
    paid_order: Order,  # noqa: F811
) -> None:
    page = finance.get(paid_order.get_absolute_url()).content.decode()

    assert "£21.95 of what was captured can still be refunded." in page


def test_a_small_refund_is_approved_at_once(
    finance: Client,
    paid_order: Order,  # noqa: F811
) -> None:
    page = ask(finance, paid_order, quantity_1="1", shipping="3.95", note="chipped")

    assert "is on its way to Stripe" in page
    assert "1 of line 1, shipping: goodwill, chipped" in page
    assert sums(paid_order) == (0, 1295, 0)


def test_the_same_form_sent_twice_is_one_refund(
    finance: Client,
    paid_order: Order,  # noqa: F811
) -> None:
    uuid = str(uuid4())
    ask(finance, paid_order, amount="5", uuid=uuid)
    ask(finance, paid_order, amount="5", uuid=uuid)

    assert sums(paid_order) == (0, 500, 0)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Nothing was chosen"),
        ({"amount": "21.96"}, "At most £21.95 of one payment"),
        ({"amount": "1.005"}, "cannot be read"),
        ({"amount": "-1"}, "cannot be read"),
        ({"amount": "NaN"}, "cannot be read"),
        ({"quantity_1": "3"}, "2 are left"),
        ({"lowered_1": "99"}, "£18.00 is left"),
        ({"shipping": "99"}, "Of shipping, £3.95 is left"),
        ({"amount": "1", "reason": "external"}, "cannot be read"),
        ({"amount": "1", "uuid": "x"}, "cannot be read"),
    ],
)
def test_what_cannot_be_refunded_is_refused_in_words(
    finance: Client,
    paid_order: Order,  # noqa: F811
    fields: dict[str, str],
    words: str,
) -> None:
    assert words in ask(finance, paid_order, **fields)
    assert not Refund.objects.exists()


def test_a_refusal_says_its_own_reason() -> None:
    refusal = RefundRefused("nothing_captured", "Nothing was captured yet.", room_minor=0)

    assert _words(refusal, "GBP") == "Nothing was captured yet."


def test_what_failed_at_stripe_alone_is_not_tried_again_here(
    finance: Client,
    paid_order: Order,  # noqa: F811
    refunds: FakeRefunds,  # noqa: F811
) -> None:
    intent_id = attempt_of(paid_order).stripe_intent_id or ""
    answer = refunds.start_outside(intent_id, 700)
    apply_refund(answer=answer, actor="webhook", now=NOON)
    assert answer.refund is not None
    apply_refund(answer=refunds.set(answer.refund.id, "failed"), actor="webhook", now=NOON)

    (view,) = list_refunds(order_id=paid_order.pk)

    assert _buttons(view) == ("cancel",)


def test_a_large_refund_waits_for_somebody_else(
    finance: Client,
    chief: Client,
    paid_order: Order,  # noqa: F811
    settings: object,
) -> None:
    settings.REFUND_SECOND_PERSON_ABOVE_MINOR = 1000  # type: ignore[attr-defined]
    assert "waits for a second person" in ask(finance, paid_order, whole="on")
    refund = Refund.objects.get()

    assert "needs a second person" in act(finance, refund, "approve")
    assert sums(paid_order) == (0, 0, 0)
    assert "on its way to Stripe" in act(chief, refund, "approve")
    assert sums(paid_order) == (0, 2195, 0)


def test_a_failed_refund_is_tried_again_or_paid_back_another_way(
    finance: Client,
    paid_order: Order,  # noqa: F811
    refunds: FakeRefunds,  # noqa: F811
) -> None:
    refunds.statuses.extend(["failed", "failed"])
    ask(finance, paid_order, amount="5")
    refund = Refund.objects.get()
    refunding.send_refund(operation_id=last_operation(refund).pk)
    assert "tried again" in act(finance, refund, "retry")
    refunding.send_refund(operation_id=last_operation(refund).pk)

    act(finance, refund, "manual", "card closed")
    assert "Noted" in act(finance, refund, "paid", "transfer 17")
    assert sums(paid_order) == (500, 0, 500)


@pytest.mark.parametrize("permissions", [("view_order",), ("refund_payment",), ()])
def test_nobody_refunds_without_the_permission(
    paid_order: Order,  # noqa: F811
    permissions: tuple[str, ...],
) -> None:
    client = login("clerk", *permissions)
    url = reverse("admin:orders_order_refund", args=[paid_order.pk])

    assert client.post(url, {"amount": "1"}).status_code == 403
    assert not Refund.objects.exists()


def test_a_look_refunds_nothing(finance: Client, paid_order: Order) -> None:  # noqa: F811
    url = reverse("admin:orders_order_refund", args=[paid_order.pk])

    assert finance.get(url).status_code == 403


def test_a_refund_of_another_order_is_not_found(
    finance: Client,
    paid_order: Order,  # noqa: F811
) -> None:
    url = reverse("admin:orders_order_refund_act", args=[paid_order.pk, 999, "approve"])

    assert finance.post(url).status_code == 404


def test_the_customer_reads_what_becomes_of_it(
    finance: Client,
    paid_order: Order,  # noqa: F811
    refunds: FakeRefunds,  # noqa: F811
) -> None:
    ask(finance, paid_order, amount="5", note="never shown")
    customer = Client()
    before = customer.get(order_path(paid_order)).content.decode()
    refunding.send_refund(operation_id=last_operation(Refund.objects.get()).pk)
    after = customer.get(order_path(paid_order)).content.decode()

    assert "We are sending it back." in before
    assert "Your bank shows it in 5 to 10 days." in after
    assert "£5.00" in after
    assert "never shown" not in after
