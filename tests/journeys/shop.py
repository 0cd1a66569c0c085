"""A client of the whole stack, as an integrator and an operator would use it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import redis
import requests

ROOT = Path(__file__).parents[2]
ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "12 St James's Square",
    "city": "London",
    "postal_code": "SW1Y 4JH",
    "country": "GB",
}


class Shop:
    """Talks to a running stack; `environment` is what `sandbox exec` gives a command."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self.base_url = environment["BASE_URL"]
        self._key = environment["GM_API_KEY"]
        self._mine = threading.local()

    def _session(self) -> requests.Session:
        if not hasattr(self._mine, "session"):
            self._mine.session = requests.Session()
            self._mine.session.trust_env = False  # the stack is here, whatever the proxy
            self._mine.session.headers["Authorization"] = f"Bearer {self._key}"
        session: requests.Session = self._mine.session
        return session

    def get(self, path: str, **params: Any) -> requests.Response:
        return self._session().get(f"{self.base_url}{path}", params=params, timeout=30)

    def post_order(
        self, *, key: str | None, body: Any = None, raw: bytes | None = None
    ) -> requests.Response:
        """POST an order; `raw` sends those bytes as they are. Busy answers are not retried."""
        headers = {"Content-Type": "application/json"}
        if key is not None:
            headers["Idempotency-Key"] = key
        data = raw if raw is not None else json.dumps(body).encode()
        return self._session().post(
            f"{self.base_url}/api/v1/orders", data=data, headers=headers, timeout=30
        )

    def place(self, *, key: str, body: Any) -> dict[str, Any]:
        """Place an order; a busy answer is repeated as it asks. Raises AssertionError."""
        for _ in range(30):
            answer = self.post_order(key=key, body=body)
            if answer.status_code != 409 or "Retry-After" not in answer.headers:
                break
            time.sleep(float(answer.headers["Retry-After"]))
        assert answer.status_code == 201, answer.text[:500]
        placed: dict[str, Any] = answer.json()
        return placed

    def place_many(self, count: int, *, label: str, threads: int = 8) -> list[dict[str, Any]]:
        """Place `count` orders of one or two plentiful products."""
        skus = self.plentiful(20)

        def one(number: int) -> dict[str, Any]:
            lines = [{"sku": skus[number % 20], "quantity": 1 + number % 3}]
            if number % 2:
                lines.append({"sku": skus[(number + 7) % 20], "quantity": 1})
            return self.place(key=f"{label}-{number}", body=order_body(lines))

        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(one, range(count)))

    def plentiful(self, count: int) -> list[str]:
        """Return SKUs of which there is more than any test asks for."""
        found: list[str] = []
        cursor = ""
        while len(found) < count:
            page = self.get("/api/v1/products", limit=100, **({"cursor": cursor} if cursor else {}))
            body = page.json()
            found += [row["sku"] for row in body["data"] if row["available"] > 1000]
            if not body["has_more"]:
                break
            cursor = body["next_cursor"]
        assert len(found) >= count, "the seed has too few plentiful products"
        return found[:count]

    def scarce(self) -> tuple[str, int]:
        """Return a SKU of which there are few, and how many."""
        rows = self.query(
            "SELECT sku, on_hand - reserved FROM fulfillment_stock"
            " WHERE on_hand - reserved BETWEEN 5 AND 100 ORDER BY 2 LIMIT 1"
        )
        return rows[0][0], rows[0][1]

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Ask the database."""
        with psycopg.connect(self.environment["DATABASE_URL"]) as connection:
            return connection.execute(sql.encode(), params).fetchall()

    def wait_until_final(self, ids: Iterable[str], *, seconds: float) -> dict[str, str]:
        """Wait until these orders are completed; return those that are not, with their state."""
        wanted = list(ids)
        deadline = time.monotonic() + seconds
        while True:
            rows = self.query(
                "SELECT public_id, state FROM orders_order"
                " WHERE public_id = ANY(%s) AND state <> 'completed'",
                [wanted],
            )
            if not rows or time.monotonic() > deadline:
                return {row[0]: row[1] for row in rows}
            time.sleep(0.3)

    def audit(self) -> list[Any]:
        """Run the audit and return its findings."""
        done = self.manage("audit", "--json")
        assert done.returncode in {0, 1}, (done.stdout + done.stderr)[-3000:]
        report = json.loads(done.stdout)
        return [check for check in report["invariants"] if check["count"]]

    def manage(self, *words: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a manage.py command in the stack's environment."""
        environment = {**os.environ, **self.environment}
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def processes(self, kind: str) -> list[int]:
        """Return the process ids of living processes of a kind (`worker`, `relay`)."""
        rows = self.query(
            "SELECT process FROM core_heartbeat"
            " WHERE kind LIKE %s AND beat_at > now() - interval '25 seconds'",
            [f"{kind}%"],
        )
        found = [int(row[0].rsplit(":", 1)[1]) for row in rows]
        return [number for number in found if is_alive(number)]

    def redis(self) -> "redis.Redis[bytes]":
        return redis.Redis.from_url(self.environment["REDIS_URL"])

    def flush_redis(self) -> None:
        """FLUSHALL; on a server that is shared, all that is ours."""
        redis_ = self.redis()
        is_shared = bool(redis_.connection_pool.connection_kwargs.get("db"))
        redis_.flushdb() if is_shared else redis_.flushall()

    def redis_process(self) -> int:
        return int(self.redis().info("server")["process_id"])


def is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def kill(processes: Iterable[int], number: signal.Signals) -> None:
    for process in processes:
        os.kill(process, number)


def order_body(lines: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """An order of Ada's, paid by a test card."""
    return {
        "currency": "GBP",
        "customer": {"email": "ada@example.com", "name": "Ada Lovelace", "phone": ""},
        "shipping_address": ADDRESS,
        "lines": lines,
        "payment_method": "pm_card_visa",
        **more,
    }
