"""What the other apps are told of a seeded order: how it was paid for, what it asked for."""

from random import Random

from fulfillment.services.seeding import SeedLine, SeedParcel, SeedRequest
from fulfillment.states import FulfillmentState, ReservationState, ShipmentState
from orders.seeds.stories import Story, public_id
from payments.services.seeding import SeedPayment


def payment_of(story: Story, ids: dict[str, int]) -> SeedPayment | None:
    """Return how the order was paid for; None of a draft."""
    plan = story.plan
    if plan.payment is None:
        return None
    refunded = story.lines[0].total_minor
    captures = story.captures
    taken = sum(amount for _, amount in captures)
    is_shortened = plan.payment == "captured" and taken < story.total_minor
    return SeedPayment(
        order_id=story.order_id,
        order_public_id=story.public_id,
        order_number=story.number,
        currency=story.currency,
        amount_minor=story.total_minor,
        due_minor=taken if is_shortened else story.total_minor,
        placed_at=story.placed_at,
        paid_at=story.paid_at,
        ended_at=captures[-1][0]
        if captures
        else (story.ended_at if plan.payment == "cancelled" else story.paid_at),
        state=plan.payment,
        is_server=story.is_api or plan.payment == "unknown",
        is_declined=plan.is_declined,
        captures=captures,
        refund=(plan.refund, story.refund_at, refunded)
        if plan.refund and story.refund_at
        else None,
        refunded_units=story.lines[0].quantity,
        dispute=(plan.dispute, story.dispute_at) if plan.dispute and story.dispute_at else None,
        ids=ids,
    )


def request_of(story: Story, ids: dict[str, int], random: Random) -> SeedRequest | None:
    """Return what the order keeps and asked of the warehouse; None of a draft."""
    plan = story.plan
    if plan.payment is None:
        return None
    is_short = plan.request == FulfillmentState.INCOMPLETE
    lines = [
        SeedLine(
            sku=line.goods.sku,
            name=line.goods.name,
            quantity=line.quantity,
            shipped=line.quantity if line.is_shipped else 0,
            state=ReservationState.CONSUMED if line.is_shipped else plan.rest,
            short=line.quantity if is_short and not line.is_shipped else 0,
        )
        for line in story.lines
    ]
    return SeedRequest(
        order_id=story.order_id,
        order_number=story.number,
        service=story.method,
        ship_to={**story.buyer.address, "phone": story.buyer.phone},
        lines=lines,
        placed_at=story.placed_at,
        asked_at=story.asked_at,
        changed_at=story.shipped_at[-1]
        if story.shipped_at
        else max(story.asked_at, story.ended_at),
        state=plan.request,
        is_held=plan.request == FulfillmentState.ON_HOLD,
        parcels=_parcels(story, random),
        ids=ids,
    )


def _parcels(story: Story, random: Random) -> list[SeedParcel]:
    if not story.shipped_at:
        return []
    return [
        SeedParcel(
            public_id=public_id("shp", at, random),
            shipped_at=at,
            state=story.plan.parcel if story.delivered_at else ShipmentState.IN_TRANSIT,
            delivered_at=story.delivered_at,
            units={line.goods.sku: line.quantity for line in part},
        )
        for at, part in zip(story.shipped_at, story.parcels(), strict=True)
    ]
