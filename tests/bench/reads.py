"""Reads: pages and answers that change nothing, eight readers at a time, beside `/livez`, which
asks no database: what the web server itself can do. Web and PostgreSQL alone.
"""

import json
import re
from dataclasses import dataclass, field
from statistics import median
from urllib.parse import urlsplit
from uuid import uuid4

import requests

from tests.bench.client import Tally
from tests.bench.crowd import Crowd, go
from tests.bench.ground import SKUS, Ground, bodies_of_three, prepared
from tests.bench.report import Section, Sizes, percentile

READERS = 8
ORDERS = 200
SEEDED = 5_000
STAFF = "ops@demo.example"


@dataclass(frozen=True, slots=True)
class Page:
    """What is read, in turn, and as whom."""

    name: str
    paths: list[str]
    headers: dict[str, str] = field(default_factory=dict)


def run(sizes: Sizes) -> Section:
    """Measure each kind of page, round by round."""
    section = Section("Reads", __doc__ or "")
    with prepared(has_background=False) as ground:
        done = ground.shop.manage("seed", "--orders", str(SEEDED))
        assert done.returncode == 0, done.stderr[-2000:]
        ground.ask("ANALYZE")
        pages = list_pages(ground)
        found: dict[str, list[dict[str, float]]] = {page.name: [] for page in pages}
        for page in pages:
            _read(ground, page, 1.0)
        for _ in range(sizes.rounds):
            for page in pages:
                found[page.name].append(_read(ground, page, sizes.seconds / 2))
    best = median(each["rate"] for each in found["no database (/livez)"])
    rows = []
    for name, rounds in found.items():
        middle = {key: median(each[key] for each in rounds) for key in rounds[0]}
        rows.append((name, _one_line(middle, best)))
        section.figures |= {f"{name}: {key}": value for key, value in middle.items()}
    section.table(
        "a second / ratio to /livez / p50 / p95 / p99 ms / statements / CPU ms web / postgres", rows
    )
    return section


def _one_line(middle: dict[str, float], best: float) -> str:
    times = " / ".join(f"{middle[key]:.0f}" for key in ("p50", "p95", "p99"))
    costs = " / ".join(f"{middle[key]:.1f}" for key in ("statements", "web", "postgres"))
    return f"{middle['rate']:.0f} / {middle['rate'] / best:.3f} / {times} / {costs}"


def list_pages(ground: Ground) -> list[Page]:
    """Return the kinds of pages; some orders are placed to have pages of theirs."""
    rows = ground.ask("SELECT slug FROM orders_product WHERE sku = ANY(%s) LIMIT 100", [SKUS])
    categories = ground.ask("SELECT slug FROM orders_category ORDER BY id")
    emails = ground.ask("SELECT DISTINCT email FROM orders_order LIMIT 100")
    key = {"Authorization": f"Bearer {ground.shop.environment['GM_API_KEY']}"}
    orders = [
        ground.shop.place(key=f"read-{uuid4().hex}", body=body)
        for body in map(json.loads, bodies_of_three(ORDERS))
    ]
    staff = {"Cookie": _log_in(ground)}
    return [
        Page("no database (/livez)", ["/livez"]),
        Page("home", ["/"]),
        Page("product", [f"/p/{row[0]}/" for row in rows]),
        Page("category", [f"/c/{row[0]}/" for row in categories]),
        Page("search", [f"/search?q={word}" for word in ("mug", "candle", "soap", "oak")]),
        Page("order page", [urlsplit(order["tracking_url"]).path for order in orders]),
        Page("order by API", [f"/api/v1/orders/{order['id']}" for order in orders], key),
        Page("products by API", ["/api/v1/products?limit=100"], key),
        Page("staff: list of orders", ["/admin/orders/order/"], staff),
        Page("staff: search", [f"/admin/orders/order/?q={row[0]}" for row in emails], staff),
    ]


def _log_in(ground: Ground) -> str:
    """Return the cookies of somebody of the staff."""
    with requests.Session() as session:
        session.trust_env = False  # the stack is here, whatever the proxy
        url = f"{ground.shop.base_url}/admin/login/"
        form = session.get(url, timeout=30)
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', form.text)
        assert found is not None, form.text[:500]
        password = ground.shop.environment["GM_DEMO_STAFF_PASSWORD"]
        fields = {"csrfmiddlewaretoken": found[1], "username": STAFF, "password": password}
        answer = session.post(url, fields, allow_redirects=False, timeout=30)
        assert answer.status_code == 302, answer.text[:500]
        return "; ".join(f"{name}={value}" for name, value in session.cookies.items())


def read_page(ground: Ground, page: Page, *, readers: int, seconds: float) -> Tally:
    """Let so many read it for so long."""
    return go(_crowd(ground, page, readers, seconds), read=lambda: None)[0]


def _crowd(ground: Ground, page: Page, readers: int, seconds: float) -> Crowd:
    parameters = {"paths": page.paths, "headers": page.headers}
    return Crowd("get", ground.port, readers, parameters, seconds=seconds)


def _read(ground: Ground, page: Page, seconds: float) -> dict[str, float]:
    def read() -> dict[str, float]:
        asked = sum(calls for _, calls, _ in ground.statements.listed())
        return {**ground.cpu_seconds(), "statements": asked}

    tally, before, after = go(_crowd(ground, page, READERS, seconds), read=read)
    assert not tally.refusals, (page.name, tally.refusals)
    times, count = sorted(tally.requests["get"]), len(tally.requests["get"])
    return {
        "rate": tally.requests_in_time / tally.seconds,
        **{f"p{100 * share:.0f}": percentile(times, share) for share in (0.50, 0.95, 0.99)},
        "statements": (after["statements"] - before["statements"]) / count,
        "web": 1000 * (after["web"] - before["web"]) / count,
        "postgres": 1000 * (after["postgres"] - before["postgres"]) / count,
    }
