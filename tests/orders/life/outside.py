"""What happens outside of the house: at warehouses, carriers, banks and Stripe; and time passes.
Acts are as those of customers."""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from globalmart.core.choreography import wiring
from payments.models import StripeEvent
from payments.services import inbox
from tests.orders.life.depot import MILESTONES, MOODS
from tests.orders.life.world import PLACES, SKUS, World, choose
from tests.payments.machines.stripe import Fault

FAULTS = tuple(fault for fault in Fault if fault != Fault.NONE)
REFUNDS = ("pending", "failed", "requires_action", "succeeded")
CONDITIONS = ("sellable", "damaged", "unknown")
MOST_UNITS = 100
# Minutes; most pauses are short, for workers try again within some minutes.
PAUSES = (1, 1, 1, 2, 2, 5, 5, 5, 11, 11, 31, 65, 130, 720, 1_500, 4_400, 10_100)


@dataclass
class Warehouses:
    world: World

    def pick(self, pick: int, more: int, how: int) -> bool:
        """Begin with a request."""
        reference = choose(self.world.depot.open_requests(), pick)
        if reference is None:
            return False
        self.world.depot.pick(reference)
        return True

    def ship(self, pick: int, more: int, how: int) -> bool:
        """Send all of a request, or one of each."""
        depot = self.world.depot
        reference = choose(depot.open_requests(), pick)
        if reference is None or not depot.ship(reference, 1 if how % 3 == 1 else MOST_UNITS):
            return False
        self.world.tell(f"parcels of {reference}: {depot.fake.orders[reference].status}")
        return True

    def close_short(self, pick: int, more: int, how: int) -> bool:
        """Send no more of a request."""
        reference = choose(self.world.depot.open_requests(), pick)
        if reference is None:
            return False
        self.world.depot.close_short(reference)
        self.world.tell(f"{reference} is closed short")
        return True

    def carry(self, pick: int, more: int, how: int) -> bool:
        """A carrier tells of a parcel."""
        requests = list(self.world.depot.requests())
        reference = choose(requests, pick)
        state = MILESTONES[how % len(MILESTONES)]
        return reference is not None and self.world.depot.tell_of_parcel(reference, more, state)

    def change(self, pick: int, more: int, how: int) -> bool:
        """Goods come, break or are found."""
        units = (2, 5, -1, -3, 1)[how % 5]
        place, sku = PLACES[pick % len(PLACES)], SKUS[more % len(SKUS)]
        if not self.world.depot.change(place, sku, units, is_told=how % 2 == 0):
            return False
        self.world.tell(f"{units} x {sku} at {place}, {'told' if how % 2 == 0 else 'not told'}")
        return True

    def count(self, pick: int, more: int, how: int) -> bool:
        """Count a warehouse."""
        self.world.depot.count(PLACES[pick % len(PLACES)])
        return True

    def misbehave(self, pick: int, more: int, how: int) -> bool:
        """Answer the next call wrongly, late, or not at all."""
        depot, mood = self.world.depot, MOODS[pick % len(MOODS)]
        depot.behave()
        depot.misbehave(mood)
        depot.fake.is_deaf = mood == "silent" and how % 2 == 0
        self.world.tell(f"the warehouses will answer: {mood}")
        return True

    def take_back(self, pick: int, more: int, how: int) -> bool:
        """Goods come back to a warehouse that nobody has announced."""
        depot = self.world.depot
        reference = choose(
            [key for key in depot.requests() if depot.fake.orders[key].shipments], pick
        )
        if reference is None:
            return False
        items = depot.fake.orders[reference].shipments[0].lines
        item = items[more % len(items)]
        condition = CONDITIONS[how % len(CONDITIONS)]
        location = depot.requests()[reference].location
        depot.take_back(location, reference, "", (item.sku, 1), condition)  # type: ignore[arg-type]
        return True


@dataclass
class Banks:
    world: World

    def webhook(self, pick: int, more: int, how: int) -> bool:
        """Stripe tells of something, perhaps of the past, perhaps again."""
        notice = choose(self.world.account.collect()[::-1], pick)
        if notice is None:
            return False
        inbox.receive(notice=notice, now=timezone.now())
        return True

    def all_webhooks(self, pick: int, more: int, how: int) -> bool:
        """Stripe tells of everything that it has not told yet."""
        return tell_all(self.world) > 0

    def decide(self, pick: int, more: int, how: int) -> bool:
        """A bank has asked its customer."""
        intents = self.world.account.intents
        found = choose(intents.waiting_for_bank(), pick)
        if found is None:
            return False
        intents.hear_bank(found, is_good=how % 3 != 1)
        return True

    def fail(self, pick: int, more: int, how: int) -> bool:
        """The next call to Stripe goes wrong."""
        self.world.account.faults.append(FAULTS[pick % len(FAULTS)])
        return True

    def refund_will(self, pick: int, more: int, how: int) -> bool:
        """The next refund does not succeed at once."""
        self.world.account.beginnings.append(REFUNDS[pick % len(REFUNDS)])
        return True

    def settle_refund(self, pick: int, more: int, how: int) -> bool:
        """A bank takes a refund, or sends it back, even after it had taken it."""
        account = self.world.account
        live = [key for key, each in account.refunds.items() if each.status != "failed"]
        refund_id = choose(live, pick)
        if refund_id is None:
            return False
        is_done = account.refunds[refund_id].status == "succeeded"
        account.set_refund(refund_id, "failed" if is_done or how % 3 == 1 else "succeeded")
        return True

    def dispute(self, pick: int, more: int, how: int) -> bool:
        """A bank asks about a payment, or takes its money back; or goes on with that."""
        account = self.world.account
        known = choose(list(account.open_disputes()), pick)
        if known is not None and more % 2 == 0:
            steps = ("under_review", "won", "lost", "needs_response")
            account.move_dispute(known, steps[how % len(steps)])
            self.world.tell(f"{known} is {steps[how % len(steps)]}")
            return True
        disputed = {each.intent_id for each in account.disputes.values()}
        paid = [
            each.id
            for each in account.intents.intents.values()
            if each.received_minor and each.id not in disputed
        ]
        found = choose(paid, pick)
        if found is None:
            return False
        account.open_dispute(found, ("needs_response", "warning_needs_response")[how % 2])
        self.world.tell(f"{found} is disputed")
        return True

    def warn(self, pick: int, more: int, how: int) -> bool:
        """The card's network calls a payment fraudulent."""
        account = self.world.account
        held = [
            each.id
            for each in account.intents.intents.values()
            if each.status in ("requires_capture", "succeeded")
            and each.id not in {known.intent_id for known in account.warnings.values()}
        ]
        found = choose(held, pick)
        if found is None:
            return False
        account.warn(found)
        self.world.tell(f"{found} is called fraudulent")
        return True

    def by_hand(self, pick: int, more: int, how: int) -> bool:
        """Somebody captures, cancels or refunds in Stripe's dashboard."""
        account = self.world.account
        found = choose(list(account.intents.intents), pick)
        if found is None:
            return False
        match how % 3:
            case 0:
                account.intents.cancel_by_hand(found)
            case 1:
                account.intents.capture_by_hand(found)
            case _:
                kept = account.kept_minor(found)
                if kept > 0:
                    account.refund_by_hand(found, 1 + more * 50 % kept)
        self.world.tell(f"by hand: {('cancel', 'capture', 'refund')[how % 3]} of {found}")
        return True


@dataclass
class Machinery:
    """The house's own processes, which come when they come."""

    world: World

    def relay(self, pick: int, more: int, how: int) -> bool:
        """Carry some events out of the outbox, or all."""
        return self.world.house.relay(200 if how % 2 else 1 + more % 4) > 0

    def deliver(self, pick: int, more: int, how: int) -> bool:
        """Hand one event to a consumer, before others."""
        key = choose(self.world.house.undelivered(), pick)
        if key is None:
            return False
        self.world.house.deliver(key)
        return True

    def deliver_all(self, pick: int, more: int, how: int) -> bool:
        """Hand all events to their consumers, the last one first perhaps."""
        keys = self.world.house.undelivered()
        for key in keys if how % 2 else reversed(keys):
            self.world.house.deliver(key)
        return bool(keys)

    def tell_again(self, pick: int, more: int, how: int) -> bool:
        """Tell consumers of something that they heard long ago."""
        event = choose(self.world.house.told(), pick)
        if event is None:
            return False
        self.world.house.tell_again(event)
        self.world.tell(f"again: {event.name} of order {event.subject_id}")
        return True

    def work(self, pick: int, more: int, how: int) -> bool:
        """Work some of the rows that are due, or all of them."""
        names = list(wiring().work)
        start = pick % len(names)
        for name in (*names[start:], *names[:start]):
            if self.world.house.has_work(name):
                self.world.house.work(name, 100 if how % 2 else 1)
                return True
        return False

    def watch(self, pick: int, more: int, how: int) -> bool:
        """The watchdog looks."""
        self.world.house.watch()
        return True


def tell_all(world: World) -> int:
    """Have Stripe tell of all that it has not told yet; return how many that were."""
    notices = world.account.collect()
    known = set(StripeEvent.objects.values_list("event_id", flat=True))
    fresh = [each for each in notices if each.event_id not in known]
    for notice in fresh:
        inbox.receive(notice=notice, now=timezone.now())
    return len(fresh)


@dataclass
class Time:
    world: World

    def wait(self, pick: int, more: int, how: int) -> bool:
        """Minutes, hours or days pass."""
        pause = timedelta(minutes=PAUSES[pick % len(PAUSES)])
        self.world.clock.move(pause)
        self.world.account.intents.move_to(self.world.clock.now())
        self.world.tell(f"{pause} later")
        return True
