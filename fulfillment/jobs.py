"""RQ jobs of fulfillment."""

from django.utils import timezone

from fulfillment.models import Fulfillment, Warehouse
from fulfillment.services import requests, shipments
from globalmart.core import bell
from globalmart.core.db import Lease
from globalmart.core.work import drain


def submit_due() -> None:
    """Send requests that are due; find out what became of those in doubt."""
    bell.answer("fulfillment.requests")

    def claim(limit: int) -> list[Lease]:
        return Fulfillment.objects.all().lease(
            now=timezone.now(), limit=limit, lease_seconds=requests.LEASE_SECONDS
        )

    drain(claim=claim, work=lambda each: requests.submit(fulfillment_id=each.key, token=each.token))


def poll_due() -> None:
    """Ask the warehouses that are due what has changed; the lease makes it one poll at a time."""
    bell.answer("fulfillment.polls")

    def claim(limit: int) -> list[Lease]:
        return Warehouse.objects.all().lease(
            now=timezone.now(), limit=limit, lease_seconds=shipments.LEASE_SECONDS
        )

    # No lingering: the next poll is a second away, and the sweeper rings for it.
    drain(
        claim=claim,
        work=lambda each: shipments.poll(warehouse_id=each.key, token=each.token),
        threads=2,
        linger_seconds=0,
    )
