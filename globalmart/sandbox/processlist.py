"""What runs in a stack: commands, environment and readiness of each process."""

import http.client
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from globalmart.sandbox.folders import ROOT
from globalmart.sandbox.processes import Process
from globalmart.sandbox.stores import Stores, sees_heartbeat

QUEUES = ("payments", "fulfillment", "notifications", "webhooks", "default")
STRIPE_WEBHOOK_PATH = "/webhooks/stripe/"
WAREHOUSE_PUSH_PATH = "/hooks/warehouse/"


@dataclass(frozen=True, slots=True)
class Addresses:
    """The ports of a stack on the loopback address."""

    web_port: int
    stripe_port: int
    warehouse_port: int
    messages_port: int

    @property
    def web(self) -> str:
        """The shop."""
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def stripe(self) -> str:
        """Pretended Stripe."""
        return f"http://127.0.0.1:{self.stripe_port}"

    @property
    def warehouse(self) -> str:
        """Pretended warehouse."""
        return f"http://127.0.0.1:{self.warehouse_port}"

    @property
    def messages(self) -> str:
        """Pretended SendGrid and Twilio."""
        return f"http://127.0.0.1:{self.messages_port}"


def settings(
    values: Mapping[str, str], addresses: Addresses, folder: Path, *, wins: bool
) -> dict[str, str]:
    """Return the environment of every process, without the stores' addresses.

    Addresses that `values` names already are kept, unless ours are to win.
    """
    ours = {
        "STRIPE_API_BASE": addresses.stripe,
        "STRIPE_JS_URL": f"{addresses.stripe}/v3/stripe.js",
        "WMS_URL": f"{addresses.warehouse}/soap",
        "SENDGRID_API_URL": f"{addresses.messages}/v3/",
        "TWILIO_API_BASE": addresses.messages,
    }
    fixed = {
        "GM_ENV": "demo",
        "DJANGO_SETTINGS_MODULE": "globalmart.settings",
        "BASE_URL": addresses.web,
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        "STATIC_ROOT": str(folder / "static"),
        "AUDIT_BOOKS": str(folder / "books"),
        "SANDBOX_MESSAGES_URL": addresses.messages,
        "PYTHONUNBUFFERED": "1",
        **_without_proxy(values),
    }
    both = {**values, **ours} if wins else {**ours, **values}
    if both["STRIPE_API_BASE"] == addresses.stripe:
        # Stripe's own limit is not the sandbox's, which answers as fast as this machine can.
        both = {"STRIPE_RATE_LIMIT": "100", **both}
    if both["WMS_URL"].startswith(addresses.warehouse):
        both = {"WMS_RATE_PER_SECOND": "200", **both}
    return both | fixed


def _without_proxy(values: Mapping[str, str]) -> dict[str, str]:
    """Return the variables by which nobody here asks a proxy for the machine itself."""
    known = {name: values.get(name, "") for name in ("NO_PROXY", "no_proxy")}
    return {
        name: ",".join(filter(None, (value, "127.0.0.1,localhost")))
        for name, value in known.items()
    }


class ProcessList:
    """Builds the processes of one stack."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        addresses: Addresses,
        stores: Stores,
        python: str,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._addresses = addresses
        self._stores = stores
        self._python = python

    def command(self, name: str, *arguments: str) -> Process:
        """Return a management command, run by the database's owner."""
        return self._manage(name, arguments, url=self._stores.owner_url)

    def vendors(self) -> list[Process]:
        """Return the pretended vendors."""
        to, secret = self._addresses, self._settings
        return [
            self._vendor(
                "stripe",
                to.stripe_port,
                *("--webhook-url", f"{to.web}{STRIPE_WEBHOOK_PATH}"),
                *("--webhook-secret", secret["STRIPE_WEBHOOK_SECRET"]),
            ),
            self._vendor(
                "warehouse",
                to.warehouse_port,
                # With `=`: a password may begin with a dash.
                f"--username={secret['WMS_USERNAME']}",
                f"--password={secret['WMS_PASSWORD']}",
                *("--push-url", f"{to.web}{WAREHOUSE_PUSH_PATH}"),
                *("--push-secret", secret["WMS_PUSH_SECRET"]),
            ),
            self._vendor("messages", to.messages_port),
        ]

    def web(self) -> Process:
        """Return the web server."""
        to = self._addresses
        return self._process(
            "web",
            *(self._python, "-m", "gunicorn", "globalmart.wsgi:application"),
            *("--bind", f"127.0.0.1:{to.web_port}", "--no-control-socket"),
            *("--worker-class", "gthread", "--graceful-timeout", "3"),
            *("--workers", self._settings.get("WEB_WORKERS", "2")),
            *("--threads", self._settings.get("WEB_THREADS", "8")),
            url=self._stores.web_url,
            ready=answers_http(f"{to.web}/livez"),
        )

    def background(self) -> list[Process]:
        """Return a worker per queue, the relay and cron; each is ready when it reports alive."""
        named: list[tuple[str, tuple[str, ...], str]] = [
            *((f"worker-{queue}", ("worker", queue), f"worker:{queue}") for queue in QUEUES),
            *((name, (name,), name) for name in ("relay", "cron")),
        ]
        owner = self._stores.owner_url
        return [
            self._manage(
                name,
                arguments,
                url=self._stores.worker_url,
                ready=sees_heartbeat(url=owner, kind=kind),
            )
            for name, arguments, kind in named
        ]

    def _vendor(self, name: str, port: int, *options: str) -> Process:
        book = self._folder / "books" / f"{name}.sqlite"
        return self._process(
            f"sandbox-{name}",
            *(self._python, "-m", f"globalmart.sandbox.{name}"),
            *("--port", str(port), "--book", str(book), *options),
            url="",
            ready=answers_http(f"http://127.0.0.1:{port}/_control/health"),
        )

    def _manage(
        self,
        name: str,
        arguments: tuple[str, ...],
        *,
        url: str,
        ready: Callable[[], bool] | None = None,
    ) -> Process:
        return self._process(name, self._python, "manage.py", *arguments, url=url, ready=ready)

    def _process(
        self, name: str, *command: str, url: str, ready: Callable[[], bool] | None
    ) -> Process:
        stores = {"DATABASE_URL": url, "REDIS_URL": self._stores.redis_url} if url else {}
        return Process(
            name=name,
            command=command,
            environment={**self._settings, **stores},
            folder=ROOT,
            ready=ready,
        )


def answers_http(url: str) -> Callable[[], bool]:
    """Return a check: does the address answer 200?"""
    parts = urlsplit(url)

    def check() -> bool:
        connection = http.client.HTTPConnection(parts.netloc, timeout=2)
        try:
            connection.request("GET", parts.path)
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    return check
