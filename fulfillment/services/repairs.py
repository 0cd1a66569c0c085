"""What staff decide about one request: put right what was refused, say what became of one."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime

from django.db import transaction

from fulfillment.gateways.wms import ShipTo
from fulfillment.models import Fulfillment
from fulfillment.services import cancelling, dead_letters, holds, outcomes
from fulfillment.services.steps import PEOPLE, move
from fulfillment.states import FULFILLMENT, FulfillmentState, WaitsFor

S = FulfillmentState
PARTS = tuple(each.name for each in fields(ShipTo))
NEEDED = ("name", "line1", "city", "country")


class CannotRepair(Exception):
    """The request is not in a state in which this can be said of it. The text is for staff."""


@transaction.atomic
def correct_and_resend(
    *,
    fulfillment_id: int,
    ship_to: Mapping[str, str],
    actor: str,
    reason: str,
    now: datetime,
    service: str | None = None,
) -> None:
    """Give a refused request another address, and service if given, and send it again.

    `ship_to` has the keys of ShipTo. It keeps its reference and gets the next sequence. The order's
    own address is not changed here. Raises CannotRepair, and ValueError for an address that is not
    whole or without a reason.
    """
    if set(ship_to) != set(PARTS) or not all(ship_to[part].strip() for part in NEEDED):
        raise ValueError("the address is not whole")
    row = _locked(fulfillment_id)
    if row.state != S.REJECTED:
        raise CannotRepair("Only a request that was refused can be put right.")
    row.ship_to = {part: ship_to[part].strip() for part in PARTS}
    row.service = service or row.service
    words = dead_letters.check_reason(reason)
    dead_letters.release_refused(row, actor=actor, reason=words, now=now)
    row.save()


@transaction.atomic
def declare_arrived(
    *, fulfillment_id: int, wms_number: str, actor: str, reason: str, now: datetime
) -> None:
    """The warehouse was asked, and has the request under this number: it goes on as accepted, or
    is stopped there if somebody wants that. Raises CannotRepair, and ValueError without a number
    or a reason."""
    row = _unclear(fulfillment_id)
    number = wms_number.strip()[:64]
    if not number:
        raise ValueError("the warehouse has it under a number")
    words = dead_letters.check_reason(reason)
    dead_letters.record(row, "declared_arrived", actor=actor, reason=words)
    outcomes.accept(row, number, now, actor=actor)
    row.save()


@transaction.atomic
def declare_absent(*, fulfillment_id: int, actor: str, reason: str, now: datetime) -> None:
    """The warehouse was asked, and does not have the request: it is sent again, unless somebody
    wants it stopped, or its order is held. Raises CannotRepair, and ValueError without a reason."""
    row = _unclear(fulfillment_id)
    words = dead_letters.check_reason(reason)
    if row.cancel_wanted_at is not None:
        cancelling.confirm_cancelled(row, now, words, actor=actor)
    else:
        move(row, S.READY, now, words, actor=actor)
        row.due_at, row.tries, row.absent_since = now, 0, None
        if row.is_held:
            holds.park(row, now)
    row.save()


@transaction.atomic
def declare_cancelled(*, fulfillment_id: int, actor: str, reason: str, now: datetime) -> None:
    """The warehouse was asked, and has cancelled the request: it ends, and its goods are free.
    Raises CannotRepair, and ValueError without a reason."""
    row = _locked(fulfillment_id)
    if not may_be_cancelled(row):
        raise CannotRepair("This request does not wait for what the warehouse says of it.")
    words = dead_letters.check_reason(reason)
    cancelling.confirm_cancelled(row, now, words, actor=actor)
    row.save()


def may_be_cancelled(row: Fulfillment) -> bool:
    """Tell whether a person may say that the warehouse has cancelled it."""
    is_open = S.CANCELLED in FULFILLMENT.get(row.state, frozenset())
    return is_open and row.waits_for == WaitsFor.WAREHOUSE


def _locked(fulfillment_id: int) -> Fulfillment:
    return Fulfillment.objects.locked().get(pk=fulfillment_id)


def is_unclear(row: Fulfillment) -> bool:
    """Tell whether a person has to find out what became of the request."""
    return row.state == S.SUBMIT_UNKNOWN and row.waits_for in PEOPLE


def _unclear(fulfillment_id: int) -> Fulfillment:
    row = _locked(fulfillment_id)
    if not is_unclear(row):
        raise CannotRepair("It is known, or found out by itself, what became of this request.")
    return row
