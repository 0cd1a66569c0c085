"""PostgreSQL and Redis for a stack: embedded, or the ones that the environment names."""

import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis
from psycopg import sql

from globalmart.sandbox import postgres, valkey
from globalmart.sandbox.banner import Reporter
from globalmart.sandbox.supervisor import Supervisor

OLDEST_POSTGRES = 150000


class Unreachable(Exception):
    """A server that the environment names does not answer or does not fit."""


@dataclass(frozen=True, slots=True)
class Stores:
    """Addresses for the three kinds of process, and of Redis."""

    owner_url: str
    web_url: str
    worker_url: str
    redis_url: str


def open_stores(
    *,
    state: Path,
    is_throw_away: bool,
    environment: Mapping[str, str],
    supervisor: Supervisor,
    reporter: Reporter,
    closing: ExitStack,
    own_database: bool = False,
    is_measured: bool = False,
) -> Stores:
    """Start what DATABASE_URL and REDIS_URL do not name, and see that both answer.

    With `own_database`, a server that the environment names gets a database of its own for this
    run, dropped at the end, and an empty Redis database. With `is_measured`, an embedded server
    is as durable as production's. Raises NoDatabase, NoRedis, NoAccount, ProcessFailed,
    Unreachable.
    """
    given = environment.get("DATABASE_URL", "")
    if given:
        with reporter.step("PostgreSQL") as step:
            step.detail = f"{_version(given)} from DATABASE_URL"
            url = _database_of_our_own(given, closing) if own_database else given
            urls = (url, url, url)
    else:
        with reporter.step("PostgreSQL") as step:
            server = postgres.prepare(
                state=state, is_throw_away=is_throw_away, is_measured=is_measured
            )
            closing.callback(server.forget_sockets)
            supervisor.start(server.process(environment=environment))
            is_new = server.create_database()
            urls = (server.url(), server.url(role="oms_web"), server.url(role="oms_worker"))
            words = "new database" if is_new else "data of the last run"
            step.detail = f"{_version(server.url())}, embedded, {words}"
    with reporter.step("Redis") as step:
        redis_url = environment.get("REDIS_URL", "")
        if redis_url:
            version = _redis_version(redis_url)
            redis_url = _empty_redis_database(redis_url) if own_database else redis_url
            step.detail = f"{version} from REDIS_URL"
        else:
            cache = valkey.prepare(state=state, is_throw_away=is_throw_away)
            closing.callback(cache.forget_sockets)
            supervisor.start(cache.process(environment=environment))
            redis_url = cache.url()
            step.detail = f"{_redis_version(redis_url)}, embedded, noeviction"
    return Stores(*urls, redis_url)


def sees_heartbeat(*, url: str, kind: str) -> Callable[[], bool]:
    """Return a check: has a process of this kind reported since now? It shares our clock."""
    began_at = datetime.now(UTC)
    query = "SELECT 1 FROM core_heartbeat WHERE kind = %s AND beat_at >= %s LIMIT 1"

    def check() -> bool:
        try:
            with psycopg.connect(url, connect_timeout=2) as connection:
                return connection.execute(query, [kind, began_at]).fetchone() is not None
        except psycopg.Error:
            return False

    return check


def _version(url: str) -> str:
    where = urlsplit(url).hostname or "its socket"
    try:
        with psycopg.connect(url, connect_timeout=5) as connection:
            number = connection.info.server_version
    except psycopg.Error as error:
        raise Unreachable(
            f"DATABASE_URL: PostgreSQL at {where} cannot be used: {error}"
            "Start it or correct the address; without DATABASE_URL an embedded one is used."
        ) from error
    if number < OLDEST_POSTGRES:
        raise Unreachable(f"DATABASE_URL: PostgreSQL {number // 10000} is too old; 15 is needed.")
    return f"{number // 10000}.{number % 10000}"


def _database_of_our_own(given: str, closing: ExitStack) -> str:
    name = f"gm_{int(time.time())}_{secrets.token_hex(4)}"
    identifier = sql.Identifier(name)
    try:
        with psycopg.connect(given, autocommit=True, connect_timeout=5) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
    except psycopg.errors.InsufficientPrivilege as error:
        raise Unreachable(
            "DATABASE_URL: this run needs a database of its own and the role may not create one. "
            "As an administrator: ALTER ROLE <role> CREATEDB"
        ) from error

    def drop() -> None:
        with psycopg.connect(given, autocommit=True, connect_timeout=5) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(identifier)
            )

    closing.callback(drop)
    parts = urlsplit(given)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}/{name}{query}"


def _redis_version(url: str) -> str:
    try:
        with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
            facts = client.info("server")
    except (redis.RedisError, ValueError) as error:
        raise Unreachable(
            f"REDIS_URL: Redis cannot be used: {error}. "
            "Start it or correct the address; without REDIS_URL an embedded one is used."
        ) from error
    if "valkey_version" in facts:
        return f"Valkey {facts['valkey_version']}"
    return str(facts["redis_version"])


def _empty_redis_database(url: str) -> str:
    parts = urlsplit(url)
    for number in range(15, -1, -1):
        path = f"{parts.path}?db={number}" if parts.scheme == "unix" else f"/{number}"
        candidate = f"{parts.scheme}://{parts.netloc}{path}"
        try:
            with redis.Redis.from_url(candidate, socket_timeout=5) as client:
                if client.dbsize() == 0:
                    return candidate
        except redis.RedisError:
            continue
    raise Unreachable("REDIS_URL: none of its 16 databases is empty, and this run needs one.")
