"""RQ jobs of fulfillment."""

import logging

from django.utils import timezone

from fulfillment.models import Fulfillment, Warehouse
from fulfillment.services import polling, reconciling, sending, stopping, tracking
from fulfillment.states import FulfillmentState
from globalmart.core import bell
from globalmart.core.db import Lease
from globalmart.core.work import drain

log = logging.getLogger(__name__)


def submit_due() -> None:
    """Send requests that are due; find out what became of those in doubt; stop the unwanted."""
    bell.answer("fulfillment.requests")

    def claim(limit: int) -> list[Lease]:
        return Fulfillment.objects.all().lease(
            now=timezone.now(), limit=limit, lease_seconds=sending.LEASE_SECONDS
        )

    drain(claim=claim, work=work_request)


def work_request(lease: Lease) -> None:
    """Do what a request is due for: be sent, be looked up, or be stopped."""
    state = Fulfillment.objects.values_list("state", flat=True).get(pk=lease.key)
    is_to_stop = state == FulfillmentState.CANCELLATION_REQUESTED
    act = stopping.ask if is_to_stop else sending.submit
    act(fulfillment_id=lease.key, token=lease.token)


def poll_due() -> None:
    """Ask the warehouses that are due what has changed; the lease makes it one poll at a time."""
    bell.answer("fulfillment.polls")

    def claim(limit: int) -> list[Lease]:
        return Warehouse.objects.all().lease(
            now=timezone.now(), limit=limit, lease_seconds=polling.LEASE_SECONDS
        )

    # No lingering: the next poll is a second away, and the sweeper rings for it.
    drain(
        claim=claim,
        work=lambda each: polling.poll(warehouse_id=each.key, token=each.token),
        threads=2,
        linger_seconds=0,
    )


def reconcile_warehouse() -> None:
    """Compare our requests with the warehouse's list, and heal what is safe."""
    report = reconciling.reconcile_nightly(now=timezone.now())
    if report is not None:
        log.info("compared %s with the warehouse: %s", dict(report.compared), dict(report.found))


def expire_silent_parcels() -> None:
    """Let parcels expire of which nobody has heard for a month."""
    tracking.expire_silent(now=timezone.now())
