"""What the proof of the search runs beside its server: `vacuum`, `watch`, or a file for values."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any

import django
from django.test.utils import CaptureQueriesContext

VALUES, PAGES, LATE_PAGES = 200, 40, 10
BIG = 50_000
# What people search by, and where a value of it stands; %s is how many.
VALUES_OF = {
    "number": "SELECT number FROM orders_order",
    "number, typed": "SELECT lower(replace(number, '-', '')) FROM orders_order",
    "beginning of the number": "SELECT left(number, 8) FROM orders_order",
    "e-mail address": "SELECT email FROM orders_order",
    "beginning of the e-mail address": "SELECT left(email, 7) FROM orders_order",
    "telephone number": "SELECT phone FROM orders_order",
    "telephone number without its country": "SELECT '0' || substr(phone, 4) FROM orders_order",
    "first and last name": "SELECT name FROM orders_order",
    "last name": "SELECT split_part(name, ' ', 2) FROM orders_order",
    "first name and beginning of the last": "SELECT left(name, length(name) - 2) FROM orders_order",
    "tracking number": "SELECT tracking_number FROM fulfillment_shipment",
    "warehouse's number": "SELECT wms_number FROM fulfillment_fulfillment WHERE wms_number <> ''",
    "our reference at the warehouse": "SELECT reference FROM fulfillment_fulfillment",
    "intent": "SELECT stripe_intent_id FROM payments_paymentattempt",
    "charge": "SELECT stripe_charge_id FROM payments_paymentattempt WHERE stripe_charge_id <> ''",
    "refund": "SELECT stripe_refund_id FROM payments_refund WHERE stripe_refund_id IS NOT NULL",
    "dispute": "SELECT stripe_id FROM payments_dispute",
    "client's reference": "SELECT external_ref FROM orders_order WHERE external_ref IS NOT NULL",
    "invoice": "SELECT number FROM orders_document",
}

Figures = dict[str, Any]


def sample(select: str) -> list[str]:
    """Return some 200 values, the same each time, from all over the table."""
    from django.db import connection  # noqa: PLC0415 - needs Django set up

    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT value FROM ({select}) AS found (value) ORDER BY 1")  # noqa: S608
        values = [row[0] for row in cursor.fetchall()]
    return Random(1).sample(values, min(VALUES, len(values)))


def measure(values: Mapping[str, list[str]]) -> Figures:
    """Search each value, in the query and some in the page; all are found, none by a scan."""
    from django.contrib.auth.models import User  # noqa: PLC0415 - needs Django set up
    from django.db import connection  # noqa: PLC0415
    from django.test import Client  # noqa: PLC0415
    from django.urls import reverse  # noqa: PLC0415

    from orders.models import Order  # noqa: PLC0415
    from orders.queries.search import find_orders  # noqa: PLC0415

    # A process that has just started loads modules at its first search; people do not see that.
    find_orders(text="GM-00000-00000")
    figures: Figures = {}
    for kind, found in values.items():
        missed: list[str] = []

        def look(text: str, missed: list[str] = missed) -> None:
            if not find_orders(text=text).matches:
                missed.append(text)

        figures[kind] = _times(look, found)
        assert not missed, (kind, missed[:5])
        figures[kind] += _plans(lambda text=found[0]: find_orders(text=text))  # type: ignore[misc]
    page = reverse("admin:orders_order_changelist")
    staff = Client(headers={"host": "127.0.0.1"})
    user, _ = User.objects.get_or_create(username="proof", is_staff=True, is_superuser=True)
    staff.force_login(user)
    answer = staff.get(page, {"q": "GM-00000-00000"})
    assert answer.status_code == 200, answer
    for kind, found in values.items():
        figures[f"page: {kind}"] = _times(lambda text: staff.get(page, {"q": text}), found[:PAGES])
    last = Order.objects.count() // 50
    figures["page: all orders"] = _times(lambda _: staff.get(page), "x" * PAGES)
    figures["page: all orders, the last"] = _times(
        lambda _: staff.get(page, {"p": last}), "x" * LATE_PAGES
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_size_pretty(pg_database_size(current_database()))")
        figures["database"] = cursor.fetchone()[0]
    return figures


def _times(act: Callable[[str], object], values: Iterable[str]) -> str:
    """Do it with each value; return p50 / p95 / greatest."""
    taken = []
    for value in values:
        started = time.perf_counter()
        act(value)
        taken.append(1000 * (time.perf_counter() - started))
    shares = quantiles(taken, n=20, method="inclusive")
    return f"{shares[9]:.1f} / {shares[18]:.1f} / {max(taken):.1f} ms"


def _plans(act: Callable[[], object]) -> str:
    """See that no query of an act reads a big table through; return nothing to say."""
    from django.db import connection  # noqa: PLC0415 - needs Django set up

    with CaptureQueriesContext(connection) as queries:
        act()
    for query in queries:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, BUFFERS) " + query["sql"])
            plan = "\n".join(row[0] for row in cursor.fetchall())
            cursor.execute(
                "SELECT relname FROM pg_class WHERE relkind = 'r' AND reltuples > %s", [BIG]
            )
            for (table,) in cursor.fetchall():
                assert f"Seq Scan on {table} " not in plan, f"{query['sql']}\n{plan}"
        if where := os.environ.get("PROOF_PLANS"):
            with Path(where).open("a") as file:
                file.write(f"{query['sql']}\n{plan}\n\n")
    return ""


def main(what: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "globalmart.settings"
    django.setup()
    from django.db import connection  # noqa: PLC0415 - needs Django set up

    if what == "vacuum":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        return
    if what == "watch":
        from django.utils import timezone  # noqa: PLC0415

        from globalmart.core.sweeper import watch  # noqa: PLC0415

        watch(now=timezone.now())
        return
    kept = Path(what)
    if not kept.exists():
        kept.write_text(json.dumps({kind: sample(query) for kind, query in VALUES_OF.items()}))
    print(json.dumps(measure(json.loads(kept.read_text()))))  # noqa: T201 - the figures


if __name__ == "__main__":
    main(sys.argv[1])
