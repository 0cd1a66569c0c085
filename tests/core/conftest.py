"""A Redis database of the tests' own, and one that is down."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from globalmart.core import bell

# A stack that runs beside these tests takes the last empty one of the sixteen databases.
TEST_DATABASE = 1


@pytest.fixture
def redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """Empty, real, and used by bell and relay."""
    real = Redis.from_url(settings.REDIS_URL)
    # An address can name a database of its own, which wins over an argument.
    real.connection_pool.connection_kwargs.update(db=TEST_DATABASE, socket_timeout=1)
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
