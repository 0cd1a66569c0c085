"""The whole shop with everything around it, as processes of this machine.

Usable as a context manager: inside, everything is up; afterwards, everything has stopped.
"""

import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from globalmart.sandbox import ports, processlist
from globalmart.sandbox.banner import Reporter
from globalmart.sandbox.environment import (
    inherited,
    new_secrets,
    read_or_make,
    refuse_live_keys,
)
from globalmart.sandbox.folders import ROOT, locked_state, throw_away_state
from globalmart.sandbox.processlist import Addresses
from globalmart.sandbox.stores import Stores, open_stores
from globalmart.sandbox.supervisor import Supervisor

FIRST_PORT = 8000
FIRST_SANDBOX_PORT = 8010


class Stack:
    """PostgreSQL, Redis, sandbox, web, workers, relay and cron.

    With `state`, data and secrets are kept there and in `.env`, and a second start resumes with
    them; without, the folder, the ports, the database and the keys are this run's own and vanish
    with it. With `failpoints`, its processes crash where files in a folder of theirs tell them to
    (GM_FAILPOINTS). With `is_measured`, PostgreSQL is as durable as production's and counts its
    statements; without `has_background` there are no workers, relay and cron. `environment` after
    `start` is what a command needs to talk to it.
    """

    def __init__(
        self,
        *,
        reporter: Reporter,
        state: Path | None = None,
        failpoints: bool = False,
        is_measured: bool = False,
        has_background: bool = True,
    ) -> None:
        self._reporter = reporter
        self._state = state
        self._has_failpoints = failpoints
        self._is_measured = is_measured
        self._has_background = has_background
        self._closing = ExitStack()
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def base_url(self) -> str:
        """The shop's address, without a slash at the end."""
        return self.environment["BASE_URL"]

    @property
    def api_key(self) -> str:
        """A test key with all scopes."""
        return self.environment["GM_API_KEY"]

    def start(self) -> None:
        """Start everything and return when it is ready.

        Raises LiveKeys, InUse, PortTaken, NoDatabase, NoRedis, NoAccount, Unreachable,
        ProcessFailed; call `stop` afterwards in any case.
        """
        refuse_live_keys(os.environ)
        is_throw_away = self._state is None
        if self._state is None:
            folder = self._closing.enter_context(throw_away_state())
            values = inherited() | new_secrets()
        else:
            folder = self._closing.enter_context(locked_state(self._state))
            kept = read_or_make(ROOT / ".env")
            refuse_live_keys(kept)
            values = kept | inherited()
        for name in ("log", "books", "redis", "failpoints"):
            (folder / name).mkdir(mode=0o700, exist_ok=True)
        if self._has_failpoints:
            values["GM_FAILPOINTS"] = str(folder / "failpoints")
        self.supervisor = Supervisor(logs=folder / "log", say=self._reporter.warn)
        self._closing.callback(self.supervisor.stop)
        addresses = self._addresses(is_throw_away=is_throw_away)
        stores = open_stores(
            state=folder,
            is_throw_away=is_throw_away,
            environment=values,
            supervisor=self.supervisor,
            reporter=self._reporter,
            closing=self._closing,
            own_database=is_throw_away,
            is_measured=self._is_measured,
        )
        settings = processlist.settings(values, addresses, folder, wins=is_throw_away)
        self._start_processes(folder, settings, addresses, stores)
        self.environment = settings | {
            "DATABASE_URL": stores.owner_url,
            "REDIS_URL": stores.redis_url,
            "GM_API_KEY": values["GM_DEMO_API_KEY"],
            "SANDBOX_STRIPE_URL": addresses.stripe,
            "SANDBOX_WAREHOUSE_URL": addresses.warehouse,
            "SANDBOX_MESSAGES_URL": addresses.messages,
        }

    def stop(self) -> None:
        """Stop everything, in reverse order, and forget what was to be thrown away."""
        self._closing.close()

    def _addresses(self, *, is_throw_away: bool) -> Addresses:
        if is_throw_away:
            return Addresses(*ports.any_free(count=4))
        wanted = os.environ.get("PORT", "")
        web = ports.asked_for(wanted) if wanted else ports.next_free(start=FIRST_PORT)
        if not wanted and web != FIRST_PORT:
            self._reporter.warn(f"port {FIRST_PORT} is taken; the shop uses {web}")
        taken = {web}
        for _vendor in range(3):
            free = ports.next_free(start=FIRST_SANDBOX_PORT, taken=frozenset(taken))
            taken.add(free)
        return Addresses(web, *sorted(taken - {web}))

    def _start_processes(
        self, folder: Path, settings: dict[str, str], addresses: Addresses, stores: Stores
    ) -> None:
        reporter, supervisor = self._reporter, self.supervisor
        build = processlist.ProcessList(folder, settings, addresses, stores, sys.executable)
        with reporter.step("migrations"):
            supervisor.run(build.command("migrate", "migrate", "--noinput"))
        with reporter.step("demo data") as step:
            supervisor.run(build.command("seed", "seed_demo"))
            lines = supervisor.log_of("seed").read_text().splitlines()
            step.detail = lines[-1] if lines else ""
        with reporter.step("static files"):
            supervisor.run(build.command("static", "collectstatic", "--noinput", "-v", "0"))
        with reporter.step("sandbox") as step:
            supervisor.start(*build.vendors())
            step.detail = "Stripe, warehouse, messages"
        with reporter.step("processes") as step:
            background = build.background() if self._has_background else []
            supervisor.start(build.web(), *background)
            step.detail = "web, 5 workers, relay, cron" if background else "web"
        supervisor.watch()
