"""A Redis database of the tests' own, and one that is down."""

import os
from collections.abc import Iterator

import pytest
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from globalmart.core import bell

# One for each core that runs tests. A stack that runs beside these tests takes the last empty one
# of the sixteen databases.
TEST_DATABASE = 1 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """Empty, real, and used by bell and relay."""
    # One try, as in production: a second one, on a slow machine, would append an event twice.
    real = Redis.from_url(settings.REDIS_URL, retry=Retry(NoBackoff(), 0))
    # An address can name a database of its own, which wins over an argument.
    real.connection_pool.connection_kwargs.update(db=TEST_DATABASE, socket_timeout=20)
    real.flushdb()
    monkeypatch.setattr(bell, "connection", lambda: real)
    yield real
    real.flushdb()
    real.close()


@pytest.fixture
def redis_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens there."""
    dead = Redis(unix_socket_path="/nonexistent/redis.sock", retry=Retry(NoBackoff(), 0))
    monkeypatch.setattr(bell, "connection", lambda: dead)
