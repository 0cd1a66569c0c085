"""The end of a story: nothing goes wrong any more, everybody answers, and time passes."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.utils import timezone

from fulfillment.models import Fulfillment
from fulfillment.services.repairs import CannotRepair
from globalmart.core.models import Alert
from orders.models import Order, OrderHold
from orders.services import cancelling
from orders.services.changing import CannotChange
from orders.services.choices import CannotChoose, Choice
from orders.services.drafts import discard_draft
from orders.services.holds import HoldStays
from orders.services.returns import deciding, inspecting
from orders.services.returns.steps import CannotReturn
from orders.states import AT_REST, Decision, Disposition, OrderState, Reception, ReturnState
from payments.models import PaymentCase, Refund
from payments.services.refund_books import RefundRefused
from payments.states import RefundState
from tests.orders.life import comebacks, customers, outside, staff
from tests.orders.life.house import check_constraints
from tests.orders.life.promises import (
    find_broken,
    find_unattended,
    find_unfinished,
    has_open_wishes,
)
from tests.orders.life.world import PLACES, World, tell_story

# First for banks, warehouses and deadlines; then long enough for every age.
PAUSES = (
    *(timedelta(minutes=31),) * 6,
    *(timedelta(hours=13),) * 4,
    *(timedelta(days=4),) * 4,
    *(timedelta(days=16),) * 6,
)
# So many rounds of the last kind in which nothing changes are the end.
STILL = 2
# What no order gets out of without a person who gives up on it.
HOPELESS = ("goods_not_coming", "capture_failed", "hold_lost", "order_stuck", "backorder_stuck")
REFUSED = (CannotChange, CannotChoose, CannotReturn, HoldStays, RefundRefused, CannotRepair)


def settle(world: World) -> dict[str, int]:
    """Let every order come to its end; return how many ended how. Raises AssertionError where one
    does not, and where anything is broken then."""
    world.tell("everybody answers from now on")
    calm(world)
    still, before = 0, ""
    for pause in PAUSES:
        answer(world)
        if is_over(world):
            break
        if pause >= timedelta(days=1):
            world.house.watch()
            before, last = _signature(world), before
            still = still + 1 if before == last else 0
            if still >= STILL and not find_unattended() and not find_unfinished():
                break
        world.clock.move(pause)
    assert_quiet(world)
    ended = {order.pk: order.state for order in world.rows()}
    left = [key for key, state in ended.items() if state not in AT_REST]
    lost = set(find_unattended())
    unfinished = find_unfinished()
    assert not unfinished, f"{unfinished} never end\n{tell_story(world)}"
    assert not lost, f"orders {lost} neither ended nor are with a person\n{tell_story(world)}"
    why = {key: f"with a person: {' '.join(_who_has(key))}" for key in left}
    states = [why.get(key, state) for key, state in ended.items()]
    return {f"ended {state}": states.count(state) for state in states}


def _who_has(order_id: int) -> list[str]:
    """Return by what holds and alerts a person has the order."""
    holds = OrderHold.objects.filter(order_id=order_id, released_at=None)
    alerts = Alert.objects.filter(subject_type="order", subject_id=order_id, closed_at=None)
    return sorted({*holds.values_list("kind", flat=True), *alerts.values_list("kind", flat=True)})


def assert_quiet(world: World) -> None:
    """Do all that is due, let the watchdog look, and find nothing broken."""
    is_quiet = world.house.catch_up()
    assert is_quiet, f"the house never comes to rest\n{tell_story(world)}"
    world.house.watch()
    check_constraints()
    broken = [*find_broken(), *world.house.errors]
    assert not broken, "\n".join([*broken, tell_story(world)])


def calm(world: World) -> None:
    """Nothing goes wrong from now on, and every warehouse knows what it has."""
    world.account.faults.clear()
    world.account.beginnings.clear()
    world.depot.behave()
    for place in PLACES:
        world.depot.count(place)


def is_over(world: World) -> bool:
    """Tell whether nothing is left to be done."""
    return not has_open_wishes() and all(order.state in AT_REST for order in world.rows())


def _signature(world: World) -> str:
    """Return what would be different if anything had moved."""
    orders = [(order.state, order.version) for order in world.rows()]
    refunds = list(Refund.objects.order_by("pk").values_list("state", flat=True))
    alerts = list(Alert.objects.filter(closed_at=None).order_by("pk").values_list("pk", flat=True))
    return repr((orders, refunds, alerts))


def answer(world: World) -> None:
    """Everybody who was asked answers, once."""
    steps = (_banks, _warehouses, _catch_up, _customers, _returns, _refunds, _holds, _repairs)
    for step in (*steps, _drafts, _give_up):
        world.tick()
        step(world)
    for case in PaymentCase.objects.filter(closed_at=None):
        staff.close(case)


def _catch_up(world: World) -> None:
    world.house.catch_up()


def _banks(world: World) -> None:
    account = world.account
    account.intents.move_to(world.clock.now())
    for intent_id in account.intents.waiting_for_bank():
        account.intents.hear_bank(intent_id, is_good=False)
    for refund_id, refund in list(account.refunds.items()):
        if refund.status in ("pending", "requires_action"):
            account.set_refund(refund_id, "succeeded")
    for key in account.open_disputes():
        account.move_dispute(key, "won")
    outside.tell_all(world)


def _warehouses(world: World) -> None:
    depot = world.depot
    for reference in depot.open_requests():
        depot.ship(reference, outside.MOST_UNITS)
        if depot.fake.orders[reference].status != "shipped":
            depot.close_short(reference)


def _customers(world: World) -> None:
    for row in customers.open_shortages(world):
        _try(partial(customers.decide, world, row, Choice.CANCEL, staff.CLERK))


def _returns(world: World) -> None:
    """Everything that was asked back is taken back."""
    for rma in comebacks.open_returns(world):
        if rma.state == ReturnState.REQUESTED:
            deciding.approve(return_id=rma.pk, actor=staff.CLERK, now=timezone.now())
    for row in comebacks.undecided(world):
        decision, disposition = Decision.ACCEPTED, Disposition.RESTOCK
        if row.reception in (Reception.AWAITING, Reception.IN_TRANSIT):
            comebacks.arrive(world, row, row.quantity, "sellable", is_nameless=False)
        elif row.reception in (Reception.SHORT, Reception.NOT_RETURNED):
            decision, disposition = Decision.REJECTED, Disposition.RETURN_TO_CUSTOMER
        _try(
            partial(
                inspecting.inspect,
                row_id=row.pk,
                quantity=row.quantity,
                decision=decision,
                disposition=disposition,
                actor=staff.CLERK,
                now=timezone.now(),
            )
        )


def _drafts(world: World) -> None:
    for order in world.rows():
        if order.state == OrderState.DRAFT:
            discard_draft(order_id=order.pk, actor=staff.CLERK, now=timezone.now())


# What staff do with a refund, the next where that is refused.
SETTLED_BY = {
    RefundState.REQUESTED: ("approve", "reject"),
    RefundState.UNKNOWN: ("declare",),
    RefundState.FAILED: ("manual", "cancel"),
    RefundState.MANUAL: ("paid",),
}


def _refunds(world: World) -> None:
    for row in Refund.objects.filter(state__in=SETTLED_BY).order_by("pk"):
        for step in SETTLED_BY[RefundState(row.state)]:
            if _try(partial(staff.press, row, step)):
                break


def _holds(world: World) -> None:
    for row in OrderHold.objects.filter(released_at=None).exclude(kind="stock").order_by("pk"):
        _try(partial(staff.release, world, row))


def _repairs(world: World) -> None:
    rows = Fulfillment.objects.filter(order_id__in=world.orders).order_by("pk")
    for row in rows:
        if row.waits_for not in ("", "nobody") or row.state in staff.OFF:
            for step in ("arrived", "absent", "cancelled", "correct", "replay"):
                if _try(partial(staff.repair, world, row, step)):
                    break


def _give_up(world: World) -> None:
    """What staff are told about and cannot mend is cancelled."""
    told = Alert.objects.filter(closed_at=None, subject_type="order", kind__in=HOPELESS)
    for order in Order.objects.filter(pk__in=told.values("subject_id")).exclude(state__in=AT_REST):
        _try(
            partial(
                cancelling.request_cancellation,
                order_id=order.pk,
                reason="it does not go on",
                actor=staff.CLERK,
                now=timezone.now(),
            )
        )


def _try(step: Callable[[], object]) -> bool:
    try:
        return bool(step())
    except REFUSED:
        return False
