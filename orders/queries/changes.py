"""What of a placed order can still be changed, and what that would do to goods and money."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.utils import timezone

from fulfillment import queries as fulfillment
from orders.models import Order, OrderCancellation, OrderCorrection, OrderLine, OrderShortage
from orders.queries import pricing, terms
from orders.queries.cancellations import IN_DISPUTE, not_coming
from orders.queries.holds import blocks_changes
from orders.queries.shares import due_minor
from orders.states import CancellationState, CorrectionState, OrderState
from payments import queries as payments

S = OrderState
LIVE = (S.CONFIRMED, S.IN_FULFILLMENT)
UNDER_WAY = (
    "We are asking our warehouse, or your bank, about an earlier change of this order. Please wait "
    "for the answer."
)
ENDED = "This order has ended: nothing of it can be changed any more."
DRAFT = "This order was not placed yet: it is changed as a draft."
UNPAID = "Until it is paid, the order can only be cancelled as a whole."
FEWER = "Fewer of them can still be cancelled. Please choose again."
CHANGED = "The order has changed since you opened this page. Please look at it again."
ALL_AWAY = "All of it has left, or could not be stopped any more."


def is_changing(*, order_id: int) -> bool:
    """Tell whether a change of the order was asked for, and nobody knows yet what becomes of it."""
    wishes = OrderCancellation.objects.filter(order_id=order_id, state=CancellationState.REQUESTED)
    others = OrderCorrection.objects.filter(order_id=order_id, state=CorrectionState.REQUESTED)
    return wishes.values("pk").union(others.values("pk")).exists()


def why_no_units(*, order: Order, is_staff: bool = False) -> str:
    """Return why no units of the order can be cancelled now, in words for the customer; empty:
    some can."""
    if order.state == S.DRAFT:
        return DRAFT
    if order.state == S.PENDING_PAYMENT:
        return UNPAID
    if order.state not in LIVE:
        return ENDED
    if is_changing(order_id=order.pk):
        return UNDER_WAY
    if not is_staff and blocks_changes(order_id=order.pk):
        return IN_DISPUTE
    return "" if cancellable_units(order=order) else ALL_AWAY


def why_no_address(*, order: Order, is_staff: bool = False) -> str:
    """Return why the order's address cannot be changed now, in words for the customer; empty: it
    can, or the warehouse can be asked."""
    if order.state == S.PENDING_PAYMENT and not is_changing(order_id=order.pk):
        return "" if is_staff or not blocks_changes(order_id=order.pk) else IN_DISPUTE
    if order.state == S.PENDING_PAYMENT:
        return UNDER_WAY
    return why_no_units(order=order, is_staff=is_staff)


def why_no_contact(*, order: Order, is_staff: bool = False) -> str:
    """Return why e-mail address and phone cannot be changed now; empty: they can."""
    if order.state not in (S.PENDING_PAYMENT, *LIVE):
        return DRAFT if order.state == S.DRAFT else ENDED
    return IN_DISPUTE if not is_staff and blocks_changes(order_id=order.pk) else ""


def is_price_the_same(*, order: Order, address: Mapping[str, str]) -> bool:
    """Tell whether the order would cost and tax the same at another address. The shop's tables of
    today are asked about both, as amounts are frozen; in its own country, about regions alone."""
    home = order.shipping_address
    if address["country"] == home["country"]:
        return _rates_at(order, address) == _rates_at(order, home)
    quantities = dict(order.lines.values_list("sku", "quantity"))

    def ask(place: Mapping[str, str]) -> pricing.Quote:
        return pricing.quote(
            quantities=quantities,
            currency=order.currency,
            country=place["country"],
            region=place.get("region", ""),
            shipping_method=order.shipping_method,
        )

    try:
        here, there = ask(home), ask(address)
    except (
        pricing.UnknownSku,
        pricing.NotPriced,
        pricing.UnknownShippingMethod,
        pricing.TotalTooLarge,
        pricing.NothingToPay,
    ):
        # Something of it is not for sale any more, or does not go there.
        return False
    return here == there


def _rates_at(order: Order, place: Mapping[str, str]) -> tuple[object, object]:
    """Return what taxes and delivery cost at an address."""
    country, region = place["country"], place.get("region", "")
    return (
        terms.tax_rates(country=country, region=region, day=timezone.now().date()),
        terms.shipping_rates(
            currency=order.currency, country=country, region=region, method=order.shipping_method
        ),
    )


def skus_by_line(order: Order) -> dict[int, frozenset[str]]:
    """Return by position what is sent for each line: its own goods, and what is sent instead."""
    rows = OrderShortage.objects.filter(line__order=order).exclude(substitute_sku="")
    instead = list(rows.values_list("line_id", "substitute_sku"))
    return {
        line.position: frozenset({line.sku, *(sku for key, sku in instead if key == line.pk)})
        for line in order.lines.all()
    }


def cancellable_units(*, order: Order) -> dict[int, int]:
    """Return by position how many units have not left and can, as far as we know, be stopped."""
    lines = list(order.lines.order_by("position"))
    ahead = fulfillment.outlook(order_id=order.pk)
    free = not_coming(order=order, lines=lines, ahead=ahead)
    stoppable = fulfillment.stoppable_units(order_id=order.pk)
    found = {}
    for position, skus in skus_by_line(order).items():
        units = free.get(position, 0) + sum(stoppable.get(sku, 0) for sku in skus)
        if units > 0:
            found[position] = units
    return found


def plan_recall(*, order: Order, units: Mapping[int, int]) -> fulfillment.Recall:
    """Return which requests have to come back so that these units, by position, are nobody's: those
    that no request asks for are given up first."""
    lines = list(order.lines.order_by("position"))
    ahead = fulfillment.outlook(order_id=order.pk)
    free = not_coming(order=order, lines=lines, ahead=ahead)
    skus = skus_by_line(order)
    wanted = [(skus[position], count - free.get(position, 0)) for position, count in units.items()]
    return fulfillment.plan_recall(order_id=order.pk, wanted=wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsPreview:
    """What cancelling units would do. Minor units.

    With `asks_warehouse` it is asked first, and may say no. Of `saved_minor`, which is not to be
    paid any more, `released_minor` is held now, `refunded_minor` was captured, and the rest was
    neither.
    """

    asks_warehouse: bool
    is_whole: bool
    saved_minor: int
    released_minor: int
    refunded_minor: int
    left_minor: int
    currency: str


def preview_units(*, order: Order, units: Mapping[int, int]) -> UnitsPreview:
    """Return what cancelling these units, by position, would do now. Works on copies in memory."""
    lines: list[OrderLine] = list(order.lines.order_by("position"))
    before = due_minor(order, lines)
    for line in lines:
        line.cancelled += units.get(line.position, 0)
    after = due_minor(order, lines)
    account = payments.get_account(order_id=order.pk)
    kept = account.captured_minor - account.refunded_minor - account.refund_reserved_minor
    held = account.authorized_minor - account.captured_minor
    refunded = max(0, kept - after)
    return UnitsPreview(
        asks_warehouse=bool(plan_recall(order=order, units=units).asked),
        is_whole=all(line.cancelled == line.quantity for line in lines),
        saved_minor=before - after,
        released_minor=max(0, kept + held - after - refunded),
        refunded_minor=refunded,
        left_minor=after,
        currency=order.currency,
    )
