"""The way out of fulfillment: one warehouse, chosen by settings."""

import functools
import threading
from typing import Any

from django.conf import settings

from fulfillment.gateways.guarded import guard
from fulfillment.gateways.soap import SoapWarehouse
from fulfillment.gateways.wms import WarehouseGateway

_turn = threading.Lock()


def current() -> WarehouseGateway:
    """Return the process's warehouse gateway; the first call builds it (about 0.2 s).

    A worker calls this once before its first job.
    """
    with _turn:
        return _build(settings.WMS_URL, settings.WMS_USERNAME, settings.WMS_PASSWORD)


@functools.lru_cache(maxsize=4)
def _build(url: str, username: str, password: str) -> SoapWarehouse:
    return SoapWarehouse(url, username, password, guard=guard())


def is_open() -> bool:
    """Tell whether this process's breaker holds all calls back: the warehouse did not answer."""
    return guard().is_open


def snapshot() -> dict[str, Any]:
    """Return the state of this process's guard (breaker, bulkhead, limit), for operators."""
    return guard().snapshot()
