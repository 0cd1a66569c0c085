"""What members of staff do, as on their pages. Acts are as those of customers."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from fulfillment.models import Fulfillment
from fulfillment.services import dead_letters, repairs
from orders.models import OrderHold
from orders.services import cancelling, holds
from orders.services.choices import Choice
from orders.services.refunds import Selection, request_refund, what_is_left
from orders.states import HoldKind
from payments.models import PaymentCase, Refund
from payments.services import refund_repairs, refunds
from payments.services.cases import close_case
from payments.services.refunds import Reason
from payments.states import CaseKind, RefundState
from tests.orders.life.customers import cancel_units, correct, decide, open_shortages
from tests.orders.life.world import World, choose

CLERK, CHIEF = "staff:1", "staff:2"
REASONS = (Reason.REQUESTED, Reason.CANCELLED, Reason.GOODWILL, Reason.RETURNED)
HOLDS = (HoldKind.MANUAL, HoldKind.MANUAL, HoldKind.FRAUD_WARNING)


@dataclass
class Staff:
    world: World

    def hold(self, pick: int, more: int, how: int) -> bool:
        """Put an order on hold, for some hours or until somebody says otherwise."""
        order = self.world.order(pick)
        if order is None:
            return False
        ends = timezone.now() + timedelta(hours=1 + how % 9) if how % 2 else None
        return holds.place(
            order_id=order.pk,
            kind=HOLDS[more % len(HOLDS)],
            reason="a look is needed",
            actor=CLERK,
            now=timezone.now(),
            expires_at=ends,
        )

    def release(self, pick: int, more: int, how: int) -> bool:
        """Release a hold."""
        rows = OrderHold.objects.filter(released_at=None, order_id__in=self.world.orders)
        row = choose(list(rows.order_by("pk")), pick)
        return row is not None and release(self.world, row)

    def cancel(self, pick: int, more: int, how: int) -> bool:
        """Want an order cancelled."""
        order = self.world.order(pick)
        if order is None:
            return False
        cancelling.request_cancellation(
            order_id=order.pk, reason="the shop's fault", actor=CLERK, now=timezone.now()
        )
        self.world.tell(f"order {order.pk} is to be cancelled by staff")
        return True

    def cancel_units(self, pick: int, more: int, how: int) -> bool:
        """Want some units cancelled."""
        order = self.world.order(pick)
        return order is not None and cancel_units(self.world, order, more, how, CLERK)

    def correct(self, pick: int, more: int, how: int) -> bool:
        """Correct an order for a customer who rings."""
        order = self.world.order(pick)
        return order is not None and correct(self.world, order, more, how, CLERK)

    def decide(self, pick: int, more: int, how: int) -> bool:
        """Decide for a customer about goods that are missing."""
        row = choose(open_shortages(self.world), pick)
        return row is not None and decide(self.world, row, tuple(Choice)[more % 3], CLERK)

    def refund(self, pick: int, more: int, how: int) -> bool:
        """Refund a line, a lowered price, shipping, some amount, or all that is left."""
        order = self.world.order(pick)
        if order is None:
            return False
        left = what_is_left(order=order)
        line = choose(left.lines, more)
        wishes = (
            Selection(quantities={line.position: 1}) if line else Selection(),
            Selection(lowered_minor={line.position: 1 + more * 7}) if line else Selection(),
            Selection(shipping_minor=left.shipping_minor),
            Selection(amount_minor=1 + more * 100),
            Selection(is_whole=True),
        )
        request_refund(
            order_id=order.pk,
            selection=wishes[how % len(wishes)],
            reason=REASONS[more % len(REASONS)],
            requested_by=CLERK,
            now=timezone.now(),
            approve=how % 2 == 0,
        )
        self.world.tell(f"order {order.pk}: refund {wishes[how % len(wishes)]}")
        return True

    def settle_refund(self, pick: int, more: int, how: int) -> bool:
        """Do what a refund's state allows: approve, reject, try again, pay another way."""
        rows = Refund.objects.filter(order_id__in=self.world.orders).order_by("pk")
        waiting = [row for row in rows if row.state in BUTTONS]
        row = choose(waiting, pick)
        if row is None:
            return False
        steps = BUTTONS[RefundState(row.state)]
        return press(row, steps[more % len(steps)])

    def repair(self, pick: int, more: int, how: int) -> bool:
        """Do something about a request that does not get through."""
        rows = Fulfillment.objects.filter(order_id__in=self.world.orders).order_by("pk")
        row = choose([each for each in rows if each.waits_for or each.state in OFF], pick)
        if row is None:
            return False
        step = REPAIRS[more % len(REPAIRS)]
        self.world.tell(f"{row.reference} ({row.state}): {step}")
        return repair(self.world, row, step)

    def close_case(self, pick: int, more: int, how: int) -> bool:
        """Close a case about money."""
        row = choose(list(PaymentCase.objects.filter(closed_at=None).order_by("pk")), pick)
        return row is not None and close(row)


def release(world: World, row: OrderHold) -> bool:
    """Release one hold."""
    world.tell(f"order {row.order_id}: {row.kind} is released")
    return holds.release(
        order_id=row.order_id,
        kind=HoldKind(row.kind),
        reason="looked at",
        actor=CLERK,
        now=timezone.now(),
    )


def close(row: PaymentCase) -> bool:
    """Close one case."""
    return close_case(
        kind=CaseKind(row.kind),
        subject=row.subject,
        closed_by=CLERK,
        resolution="looked at",
        now=timezone.now(),
    )


BUTTONS = {
    RefundState.REQUESTED: ("approve", "reject", "cancel"),
    RefundState.APPROVED: ("cancel",),
    RefundState.UNKNOWN: ("declare",),
    RefundState.FAILED: ("retry", "manual", "cancel"),
    RefundState.MANUAL: ("paid",),
}


def press(row: Refund, step: str) -> bool:
    """Take one step with a refund."""
    key, now = row.pk, timezone.now()
    match step:
        case "approve":
            refunds.approve_refund(refund_id=key, approved_by=CHIEF, now=now)
        case "reject":
            refunds.reject_refund(refund_id=key, rejected_by=CHIEF, reason="no", now=now)
        case "cancel":
            refunds.cancel_refund(refund_id=key, cancelled_by=CHIEF, reason="no", now=now)
        case "retry":
            refund_repairs.retry_refund(refund_id=key, retried_by=CHIEF, now=now)
        case "manual":
            refund_repairs.start_manual(refund_id=key, started_by=CHIEF, reason="cash", now=now)
        case "paid":
            refund_repairs.finish_manual(
                refund_id=key, finished_by=CHIEF, reference="transfer 7", now=now
            )
        case "declare":
            refund_repairs.declare_failed(
                refund_id=key, declared_by=CHIEF, reason="not there", now=now
            )
    return True


OFF = ("rejected",)
REPAIRS = ("replay", "discard", "correct", "arrived", "absent", "cancelled")


def repair(world: World, row: Fulfillment, step: str) -> bool:
    """Take one step with a request; what is said about it is what is so at the warehouse."""
    key, now, there = row.pk, timezone.now(), world.depot.fake.orders.get(row.reference)
    words = {"actor": CLERK, "reason": "asked the warehouse", "now": now}
    is_cancelled = there is not None and there.status == "cancelled"
    match step:
        case "replay":
            return bool(dead_letters.replay(fulfillment_ids=[key], **words))  # type: ignore[arg-type]
        case "discard":
            return bool(dead_letters.discard(fulfillment_ids=[key], **words))  # type: ignore[arg-type]
        case "correct":
            ship_to = {**row.ship_to, "line1": "1 Right Street"}
            repairs.correct_and_resend(fulfillment_id=key, ship_to=ship_to, **words)  # type: ignore[arg-type]
        case "arrived" if there is not None and not is_cancelled:
            repairs.declare_arrived(fulfillment_id=key, wms_number="W-1", **words)  # type: ignore[arg-type]
        case "absent" if there is None:
            repairs.declare_absent(fulfillment_id=key, **words)  # type: ignore[arg-type]
        case "cancelled" if is_cancelled:
            repairs.declare_cancelled(fulfillment_id=key, **words)  # type: ignore[arg-type]
        case _:
            return False
    return True
