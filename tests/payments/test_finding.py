"""An order is found by any id that Stripe has for a part of its payment."""

from typing import Any

import pytest
from django.utils import timezone

from orders.models import Order
from payments.gateways.intents import Outcome
from payments.gateways.stripe_gateway import read_intent
from payments.models import BalanceTransaction, Dispute, FraudWarning, StripeEvent
from payments.queries.finding import find_order_ids, is_known_kind
from payments.services.outcomes import apply_outcome
from tests.builders import NOON, answer, intent
from tests.payments.conftest import attempt_of

RAW = {"id": "pi_1", "status": "requires_capture", "amount": 100, "currency": "gbp"}


@pytest.mark.parametrize(
    ("charge", "expected"), [({"id": "ch_1"}, "ch_1"), ("ch_1", "ch_1"), (None, ""), ({}, "")]
)
def test_an_intent_knows_its_charge_however_stripe_sends_it(charge: Any, expected: str) -> None:
    assert read_intent({**RAW, "latest_charge": charge}).charge_id == expected


def test_a_charge_is_kept_and_an_answer_without_one_does_not_forget_it(order: Order) -> None:
    for charge in ("ch_1", ""):
        found = intent("requires_capture", amount_minor=order.total_minor, charge_id=charge)
        apply_outcome(
            attempt_id=attempt_of(order).pk,
            answer=answer(Outcome.AUTHORIZED, found),
            actor="stripe",
            now=timezone.now(),
        )
        assert find_order_ids(stripe_id="ch_1") == [order.pk]
    assert find_order_ids(stripe_id="pi_ada") == [order.pk]


def test_disputes_warnings_lines_of_the_balance_and_events_lead_to_the_order(
    paid_order: Order,
) -> None:
    attempt = attempt_of(paid_order)
    about = {"order": paid_order, "attempt": attempt}
    Dispute.objects.create(
        stripe_id="dp_1",
        currency="GBP",
        amount_minor=1,
        state="needs_response",
        opened_at=NOON,
        **about,
    )
    FraudWarning.objects.create(
        stripe_id="issfr_1", kind="made_with_lost_card", is_actionable=True, warned_at=NOON, **about
    )
    intent_id = attempt.stripe_intent_id or ""
    StripeEvent.objects.create(
        event_id="evt_1", type="charge.refunded", intent_id=intent_id, is_live=False, created=NOON
    )
    BalanceTransaction.objects.create(
        stripe_id="txn_1",
        type="charge",
        source=intent_id,
        amount_minor=1,
        fee_minor=0,
        net_minor=1,
        currency="GBP",
        created=NOON,
    )
    for stripe_id in ("dp_1", "issfr_1", "evt_1", "txn_1"):
        assert find_order_ids(stripe_id=stripe_id) == [paid_order.pk]


@pytest.mark.django_db
def test_other_ids_find_nothing() -> None:
    for stripe_id in ("cus_1", "pi_", "ch_", "evt_", "txn_", "", "pi"):
        assert find_order_ids(stripe_id=stripe_id) == []
    assert not is_known_kind("cus_1")
