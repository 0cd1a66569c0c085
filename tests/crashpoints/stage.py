"""What a cell is played on: the running shop, its failpoints, the sandbox's switches, time."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import requests

from tests.crashpoints.buyers import Buyer, amounts
from tests.crashpoints.cells import Cell
from tests.journeys.shop import ROOT, Shop, kill, order_body

Found = TypeVar("Found")
POLL_SECONDS = 0.2
PATIENCE_SECONDS = 120.0


class NotReached(AssertionError):
    """The order never came to where the cell is played."""


class Stage:
    """Talks to a stack that was started with failpoints; `label` tells this run from others."""

    def __init__(self, shop: Shop, *, label: str) -> None:
        self.shop = shop
        self._label = label
        self._folder = Path(shop.environment["GM_FAILPOINTS"])
        self._stripe_url = shop.environment["SANDBOX_STRIPE_URL"]
        self._warehouse_url = shop.environment["SANDBOX_WAREHOUSE_URL"]
        self._turn = threading.Lock()
        self._wanted = amounts(shop)
        self._buyers = 0

    # --- orders ---------------------------------------------------------------------------------
    def buyer(self, cell: Cell) -> Buyer:
        """Return a buyer whose total nobody else of this run has."""
        with self._turn:
            sku, quantity, amount_minor = next(self._wanted)
            self._buyers += 1
            number = self._buyers
        return Buyer(f"{self._label}-{number}-{cell.slug}", sku, quantity, amount_minor)

    def place(self, buyer: Buyer, *, card: str | None = "pm_card_visa") -> None:
        """Place the order, as an integrator does whose connection breaks: again with the same key.

        Without a card the customer's browser pays. Raises NotReached.
        """
        lines = [{"sku": buyer.sku, "quantity": buyer.quantity}]
        buyer.body = order_body(lines, payment_method=card)
        answer = self.until(lambda: self._post(buyer), f"{buyer.key} is not accepted")
        buyer.public_id, buyer.accepted = answer.json()["id"], answer.text
        if answer.json()["total_minor"] != buyer.amount_minor:
            raise NotReached(f"{buyer.key} costs {answer.json()['total_minor']}")

    def _post(self, buyer: Buyer) -> requests.Response | None:
        try:
            answer = self.shop.post_order(key=buyer.key, body=buyer.body)
        except requests.RequestException:
            return None
        if answer.status_code < 500 and answer.status_code not in {201, 409}:
            raise NotReached(f"{buyer.key} is refused: {answer.text[:300]}")
        return answer if answer.status_code == 201 else None

    def find_order(self, buyer: Buyer) -> None:
        """Learn which order was placed with the buyer's key."""
        ((buyer.public_id,),) = self.shop.query(
            "SELECT o.public_id FROM orders_order o JOIN core_idempotencykey k"
            " ON k.subject_id = o.id WHERE k.key = %s",
            [buyer.key],
        )

    def is_replayed(self, buyer: Buyer) -> bool:
        """Tell whether the same key still gives the same answer, to the letter."""
        answer = self.until(lambda: self._post(buyer), f"{buyer.key} is not accepted again")
        return answer.text == buyer.accepted

    def column(self, buyer: Buyer, name: str) -> Any:
        """Return a column of the order's last attempt."""
        rows = self.shop.query(
            f"SELECT {name} FROM payments_paymentattempt a"  # noqa: S608 - our own words
            " JOIN orders_order o ON o.id = a.order_id"
            " WHERE o.public_id = %s ORDER BY a.id DESC LIMIT 1",
            [buyer.public_id],
        )
        return rows[0][0] if rows else None

    def order_state(self, buyer: Buyer) -> str:
        """Return the order's state."""
        rows = self.shop.query(
            "SELECT state FROM orders_order WHERE public_id = %s", [buyer.public_id]
        )
        return str(rows[0][0])

    # --- crashes --------------------------------------------------------------------------------
    def arm(self, cell: Cell, buyer: Buyer) -> None:
        """Order the cell's crash and switch its fault on, for this buyer's order alone."""
        crash = cell.crash(key=buyer.key)
        if crash is not None:
            path = self._folder / f"{cell.point}.{buyer.key}.json"
            # A process that looks now must find a whole file or none.
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps(crash))
            fresh.rename(path)
        fault = cell.fault()
        if fault is not None:
            url, about = self._switches(cell, buyer)
            self._call("POST", url, json={**fault, **about})

    def _switches(self, cell: Cell, buyer: Buyer) -> tuple[str, dict[str, Any]]:
        """Return where the cell's faults are set, and what makes one this buyer's own."""
        if cell.is_about_warehouse:
            return f"{self._warehouse_url}/_control/faults", {"reference": buyer.reference}
        return f"{self._stripe_url}/_control/faults", {"amount_minor": buyer.amount_minor}

    def has_hit(self, cell: Cell, buyer: Buyer) -> bool:
        """Tell whether all that was armed for the cell has happened."""
        crash = cell.crash(key=buyer.key)
        return (crash is None or self._is_logged(f"{cell.point}.{buyer.key}")) and (
            cell.fault() is None or self._has_fault_hit(cell, buyer)
        )

    def await_hit(self, cell: Cell, buyer: Buyer) -> None:
        """Wait for that. Raises NotReached."""
        self.until(lambda: self.has_hit(cell, buyer) or None, f"{cell.name} is not hit")

    def _is_logged(self, stem: str) -> bool:
        log = self._folder / "hits.jsonl"
        lines = log.read_text().splitlines() if log.exists() else []
        return any(json.loads(line)["cell"] == stem for line in lines)

    def _has_fault_hit(self, cell: Cell, buyer: Buyer) -> bool:
        url, about = self._switches(cell, buyer)
        ((name, wanted),) = about.items()
        switches = self._call("GET", url)["faults"]
        return any(each[name] == wanted and each["hits"] for each in switches)

    # --- the world around -----------------------------------------------------------------------
    def control(self, method: str, name: str, body: Any = None) -> Any:
        """Call the control API of the sandbox's Stripe. Raises AssertionError."""
        return self._call(method, f"{self._stripe_url}/_control/{name}", json=body)

    def slow_warehouse(self, *, seconds: float) -> None:
        """Have the warehouse ship so long after it has accepted."""
        self._call("POST", f"{self._warehouse_url}/_control/clock", json={"ship_after": seconds})

    def find_reference(self, buyer: Buyer) -> None:
        """Learn by what the warehouse will know the buyer's order."""
        ((number,),) = self.shop.query(
            "SELECT number FROM orders_order WHERE public_id = %s", [buyer.public_id]
        )
        buyer.reference = f"{number}-1"

    def pass_lease(self, buyer: Buyer) -> bool:
        """While the buyer's request is on its way, let another worker have it; tell whether it
        was."""
        rows = self.shop.query(
            "UPDATE fulfillment_fulfillment SET lease_until = now() - interval '1 second',"
            " due_at = now() WHERE reference = %s AND state = 'submitting' RETURNING 1",
            [buyer.reference],
        )
        return bool(rows)

    def stripe(self, method: str, path: str, **form: str) -> Any:
        """Call the sandbox's Stripe with the shop's key. Raises AssertionError."""
        key = self.shop.environment["STRIPE_SECRET_KEY"]
        return self._call(
            method, self._stripe_url + path, data=form, headers={"Authorization": f"Bearer {key}"}
        )

    def browser(self, path: str, **form: str) -> Any:
        """Call it as the customer's browser does."""
        return self._call("POST", self._stripe_url + path, data=form)

    def _call(self, method: str, url: str, **more: Any) -> Any:
        with requests.Session() as session:
            session.trust_env = False  # the sandbox is here, whatever the proxy
            answer = session.request(method, url, timeout=30, **more)
        assert answer.status_code < 300, f"{url}: {answer.status_code} {answer.text[:300]}"
        return answer.json()

    def pass_deadline(self, buyer: Buyer) -> None:
        """Let the time in which the order was to be paid be over."""
        self._change(
            buyer, "UPDATE orders_order SET payment_due_at = now() WHERE public_id = %s RETURNING 1"
        )

    def pass_head_start(self, buyer: Buyer) -> None:
        """Let the time be over in which the page itself was to create the intent."""
        self._change(
            buyer,
            "UPDATE payments_paymentoperation SET due_at = now() WHERE kind = 'create'"
            " AND finished_at IS NULL AND attempt_id IN (SELECT a.id FROM payments_paymentattempt a"
            " JOIN orders_order o ON o.id = a.order_id WHERE o.public_id = %s) RETURNING 1",
        )

    def _change(self, buyer: Buyer, sql: str) -> None:
        self.shop.query(sql, [buyer.public_id])

    @contextlib.contextmanager
    def shell(self, words: str) -> Iterator[None]:
        """Run these words of Python beside the shop; inside, they have said that they are ready.

        Raises NotReached where they fail.
        """
        running = subprocess.Popen(
            [sys.executable, "manage.py", "shell", "-c", words],
            cwd=ROOT,
            env={**os.environ, **self.shop.environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            # What a shell says of its imports comes first.
            said: list[str] = []
            for line in running.stdout or ():
                said.append(line)
                if line == "ready\n":
                    break
            yield
            rest, _ = running.communicate(timeout=PATIENCE_SECONDS)
        finally:
            running.kill()
        if running.returncode:
            raise NotReached(("".join(said) + rest)[-500:])

    def restart_background(self) -> None:
        """SIGTERM to all workers and the relay, as a deployment sends it."""
        kill([*self.shop.processes("worker"), *self.shop.processes("relay")], signal.SIGTERM)

    def lose_redis(self, *, seconds: float) -> None:
        """Forget all that Redis knows, again and again for a while."""
        stop_at = time.monotonic() + seconds
        while time.monotonic() < stop_at:
            self.shop.flush_redis()
            time.sleep(0.05)

    def until(self, look: Callable[[], Found | None], what: str) -> Found:
        """Look until something is found. Raises NotReached after a while, saying `what`."""
        stop_at = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = look()
            if found is not None and found is not False:
                return found
            if time.monotonic() > stop_at:
                raise NotReached(f"{what} after {PATIENCE_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def disarm(self) -> None:
        """Take away what was ordered and did not happen, and all switches."""
        for path in self._folder.glob(f"*.{self._label}-*.json"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        for url in (self._stripe_url, self._warehouse_url):
            self._call("DELETE", f"{url}/_control/faults")
