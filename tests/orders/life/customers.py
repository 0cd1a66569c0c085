"""What customers do. Each act is given three numbers that choose; it tells whether it did a thing,
and raises what the house refuses with."""

from dataclasses import dataclass

from django.utils import timezone

from orders.models import Order, OrderLine, OrderShortage
from orders.queries.changes import cancellable_units
from orders.queries.shortages import OPEN, list_offers
from orders.services import cancelling, choices, correcting, payment
from orders.services.choices import Choice
from payments.models import PaymentAttempt
from tests import builders
from tests.orders.life.world import MOST_ORDERS, SKUS, World, choose

CUSTOMER = "customer"
# How somebody pays: in the browser, or with a card that the server confirms.
CARDS = ("pm_good", "", "pm_good", "", "pm_declined", "pm_asks_the_bank", "pm_slow")
CODES = ("", "", "", "ONCE", "SHIP")
BROWSER_CARDS = ("pm_good", "pm_good", "pm_declined", "pm_asks_the_bank", "pm_slow")


@dataclass
class Customers:
    world: World

    def place(self, pick: int, more: int, how: int) -> bool:
        """Order some of everything, perhaps more than there is."""
        if len(self.world.orders) >= MOST_ORDERS:
            return False
        items = {sku: (pick // 3**place) % 3 for place, sku in enumerate(SKUS)}
        items = {sku: units for sku, units in items.items() if units} or {SKUS[0]: 1 + more % 3}
        card, code = CARDS[how % len(CARDS)], CODES[more % len(CODES)]
        order = builders.place(
            items,
            key=f"key-{self.world.clock.now():%s}",
            payment_method=card,
            voucher=code,
            actor=CUSTOMER,
        )
        self.world.orders.append(order.pk)
        self.world.tell(f"order {order.pk} of {items} by {card or 'browser'} {code}")
        return True

    def open_page(self, pick: int, more: int, how: int) -> bool:
        """Open the page to pay."""
        order = self.world.order(pick)
        if order is None:
            return False
        found = payment.start_browser_payment(order_id=order.pk, now=timezone.now())
        if found.client_secret:
            self.world.secrets[found.client_secret] = order.pk
        return True

    def pay(self, pick: int, more: int, how: int) -> bool:
        """Pay in the browser."""
        secret = choose(list(self.world.secrets), pick)
        if secret is None:
            return False
        self.world.account.intents.pay(secret, BROWSER_CARDS[how % len(BROWSER_CARDS)])
        return True

    def come_back(self, pick: int, more: int, how: int) -> bool:
        """Come back from the bank's page."""
        rows = PaymentAttempt.objects.filter(order_id__in=self.world.orders).order_by("pk")
        uuid = choose(list(rows.values_list("uuid", flat=True)), pick)
        if uuid is None:
            return False
        payment.settle_return(attempt_uuid=uuid, now=timezone.now())
        return True

    def cancel(self, pick: int, more: int, how: int) -> bool:
        """Want the whole order cancelled."""
        order = self.world.order(pick)
        if order is None:
            return False
        cancelling.request_cancellation(
            order_id=order.pk, reason="changed my mind", actor=CUSTOMER, now=timezone.now()
        )
        self.world.tell(f"order {order.pk} is to be cancelled by its customer")
        return True

    def cancel_units(self, pick: int, more: int, how: int) -> bool:
        """Want some units cancelled."""
        order = self.world.order(pick)
        return order is not None and cancel_units(self.world, order, more, how, CUSTOMER)

    def correct(self, pick: int, more: int, how: int) -> bool:
        """Move house, or have another e-mail address or phone."""
        order = self.world.order(pick)
        return order is not None and correct(self.world, order, more, how, CUSTOMER)

    def decide(self, pick: int, more: int, how: int) -> bool:
        """Decide about goods that are missing."""
        row = choose(open_shortages(self.world), pick)
        return row is not None and decide(self.world, row, tuple(Choice)[more % 3], CUSTOMER)


def cancel_units(world: World, order: Order, more: int, how: int, actor: str) -> bool:
    """Cancel one or more units of a line."""
    can = cancellable_units(order=order)
    place = choose(sorted(can), more)
    if place is None:
        return False
    units = {place: 1 + how % can[place]}
    cancelling.request_units(
        order_id=order.pk, units=units, reason="too many", actor=actor, now=timezone.now()
    )
    world.tell(f"order {order.pk}: {units} are to be cancelled by {actor}")
    return True


def correct(world: World, order: Order, more: int, how: int, actor: str) -> bool:
    """Correct where parcels go, or how their customer is reached."""
    if how % 3 == 1:
        found = correcting.correct_contact(
            order_id=order.pk,
            email=f"ada{more}@example.com",
            phone="",
            wants_sms=False,
            actor=actor,
            now=timezone.now(),
        )
    else:
        found = correcting.correct_address(
            order_id=order.pk,
            address={**order.shipping_address, "line1": f"{more} Long Lane"},
            actor=actor,
            now=timezone.now(),
        )
    if found is not None:
        world.tell(f"order {order.pk}: {found.kind} is corrected by {actor}: {found.state}")
    return found is not None


def open_shortages(world: World) -> list[OrderShortage]:
    """Return what customers are asked about."""
    rows = OrderShortage.objects.filter(state__in=OPEN, line__order_id__in=world.orders)
    return list(rows.select_related("line__order", "line__product").order_by("pk"))


def decide(world: World, row: OrderShortage, choice: Choice, actor: str) -> bool:
    """Choose about missing goods; what is offered instead, where that is wanted."""
    line: OrderLine = row.line
    sku = ""
    if choice == Choice.SUBSTITUTE:
        offers = list_offers(order=line.order, row=row)
        if not offers:
            return False
        sku = offers[0].sku
    is_new = choices.choose(
        order_id=line.order_id,
        shortage_id=row.pk,
        choice=choice,
        actor=actor,
        now=timezone.now(),
        sku=sku,
    )
    world.tell(f"order {line.order_id}: {choice} {sku} for {row.quantity} x {line.sku} by {actor}")
    return is_new
