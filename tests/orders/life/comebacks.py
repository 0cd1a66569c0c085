"""Goods that come back, from both sides: customers ask, withdraw and send; staff and warehouses
answer. Acts are as those of customers."""

from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from orders.models import Return, ReturnLine
from orders.queries import withdrawals
from orders.queries.returns import list_returnable
from orders.services.returns import deciding, inspecting, receiving, requesting
from orders.services.withdrawing import withdraw
from orders.states import (
    DECISION,
    OPEN_RETURNS,
    Decision,
    Disposition,
    Reception,
    ReturnState,
)
from tests.orders.life.world import World, choose

CUSTOMER, CLERK = "customer", "staff:1"
SENDABLE = (ReturnState.AWAITING_GOODS, ReturnState.IN_TRANSIT, ReturnState.PARTIALLY_RECEIVED)
CONDITIONS = ("sellable", "sellable", "damaged", "wrong_item", "unknown")
RECEPTIONS = (Reception.SHORT, Reception.LOST_IN_TRANSIT, Reception.RECEIVED)
DISPOSITIONS = (Disposition.RESTOCK, Disposition.REFURBISH, Disposition.SCRAP)


@dataclass
class Comebacks:
    world: World

    def request(self, pick: int, more: int, how: int) -> bool:
        """Ask to send something back; staff ask for a customer who rings."""
        order = self.world.order(pick)
        found = choose(list_returnable(order=order), more) if order else None
        if order is None or found is None:
            return False
        actor = (CUSTOMER, CUSTOMER, CLERK)[how % 3]
        rma = requesting.request_return(
            order_id=order.pk,
            uuid=self._uuid(),
            units={found.line.position: 1 + how % found.quantity},
            reasons={},
            actor=actor,
            now=timezone.now(),
        )
        self.world.tell(f"order {order.pk}: {rma.number} is asked for by {actor}")
        return True

    def withdraw(self, pick: int, more: int, how: int) -> bool:
        """Withdraw from all of the contract, or from some units."""
        order = self.world.order(pick)
        there = withdrawals.list_withdrawable(order=order) if order else []
        if order is None or not there:
            return False
        units = {each.line.position: each.quantity for each in there}
        if how % 2:
            one = there[more % len(there)]
            units = {one.line.position: 1 + more % one.quantity}
        withdraw(
            order_id=order.pk,
            uuid=self._uuid(),
            name="Ada Lovelace",
            email="ada@example.com",
            units=units,
            now=timezone.now(),
        )
        self.world.tell(f"order {order.pk}: {units} are withdrawn from")
        return True

    def cancel(self, pick: int, more: int, how: int) -> bool:
        """Think better of a return."""
        rma = choose(open_returns(self.world), pick)
        return rma is not None and requesting.cancel_return(
            return_id=rma.pk, actor=CUSTOMER, now=timezone.now()
        )

    def send(self, pick: int, more: int, how: int) -> bool:
        """Say that the goods are on their way; or have them come to a warehouse, with or without
        their label, perhaps more than was asked for."""
        rma = choose([row for row in open_returns(self.world) if row.state in SENDABLE], pick)
        if rma is None:
            return False
        if how % 4 == 0 and deciding.mark_sent(
            return_id=rma.pk, actor=CUSTOMER, now=timezone.now()
        ):
            return True
        row = choose(list(rma.lines.select_related("line").order_by("pk")), more)
        if row is None:
            return False
        arrive(self.world, row, 1 + how % 3, CONDITIONS[how % len(CONDITIONS)], more % 5 == 1)
        return True

    def judge(self, pick: int, more: int, how: int) -> bool:
        """Staff say yes or no to a return."""
        rows = [row for row in open_returns(self.world) if row.state == ReturnState.REQUESTED]
        rma = choose(rows, pick)
        if rma is None:
            return False
        if how % 3 == 1:
            return deciding.decline(
                return_id=rma.pk, reason="worn", actor=CLERK, now=timezone.now()
            )
        return deciding.approve(return_id=rma.pk, actor=CLERK, now=timezone.now())

    def receive(self, pick: int, more: int, how: int) -> bool:
        """Staff note what they see of units."""
        rma = choose([row for row in open_returns(self.world) if row.state in SENDABLE], pick)
        row = choose(list(rma.lines.select_related("line").order_by("pk")), more) if rma else None
        return row is not None and receiving.receive_by_hand(
            return_id=row.rma_id,
            uuid=self._uuid(),
            sku=row.line.sku,
            quantity=1 + how % row.quantity,
            reception=RECEPTIONS[how % len(RECEPTIONS)],
            actor=CLERK,
            now=timezone.now(),
        )

    def inspect(self, pick: int, more: int, how: int) -> bool:
        """Staff decide about units that came."""
        row = choose(undecided(self.world), pick)
        if row is None:
            return False
        wishes = (Decision.ACCEPTED, Decision.ACCEPTED, Decision.REJECTED, Decision.NEEDS_REVIEW)
        return inspecting.inspect(
            row_id=row.pk,
            quantity=1 + more % row.quantity,
            decision=wishes[how % len(wishes)],
            disposition=DISPOSITIONS[more % len(DISPOSITIONS)],
            actor=CLERK,
            now=timezone.now(),
        )

    def give_up(self, pick: int, more: int, how: int) -> bool:
        """Staff wait no longer for what has not come."""
        rma = choose([row for row in open_returns(self.world) if row.state in SENDABLE], pick)
        return rma is not None and give_up(rma)

    def _uuid(self) -> UUID:
        return UUID(int=int(self.world.clock.now().timestamp()))


def open_returns(world: World) -> list[Return]:
    """Return the returns that are not over."""
    rows = Return.objects.filter(order_id__in=world.orders, state__in=OPEN_RETURNS)
    return list(rows.order_by("pk"))


def undecided(world: World) -> list[ReturnLine]:
    """Return the units of open returns about which nothing is decided."""
    rows = ReturnLine.objects.filter(rma__in=open_returns(world), decision__in=DECISION)
    return list(rows.select_related("line", "rma").order_by("pk"))


def arrive(world: World, row: ReturnLine, units: int, condition: str, is_nameless: bool) -> None:
    """Units come to the warehouse that had sent the order."""
    depot = world.depot
    for reference, request in depot.requests().items():
        if request.order_number == row.rma.order.number:
            label = "" if is_nameless else row.rma.number
            goods = (row.line.sku, units)
            depot.take_back(request.location, reference, label, goods, condition)  # type: ignore[arg-type]
            world.tell(f"{units} x {row.line.sku} come back, {condition}, for {label or reference}")
            return


def give_up(rma: Return) -> bool:
    """Say that nothing more will come."""
    words = {"return_id": rma.pk, "actor": CLERK, "now": timezone.now()}
    if rma.state == ReturnState.PARTIALLY_RECEIVED:
        return inspecting.give_up_rest(**words, reason="nothing came")  # type: ignore[arg-type]
    return deciding.expire(**words)  # type: ignore[arg-type]
