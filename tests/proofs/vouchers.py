"""One voucher, many buyers at the same moment, over HTTP."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep
from uuid import uuid4

from tests.journeys.scenarios import Figures, no_findings
from tests.journeys.shop import Shop, order_body

BUYERS, ROUNDS = 50, 10


def single_use(shop: Shop, *, buyers: int = BUYERS, rounds: int = ROUNDS) -> Figures:
    """A voucher for one order, asked for by all buyers at once: one has it, in every round."""
    told: Counter[str] = Counter()
    for _ in range(rounds):
        code = f"ONCE-{uuid4().hex[:12]}"
        shop.query(
            "INSERT INTO orders_voucher (code, name, kind, rate_bp, amount_minor, currency,"
            " minimum_minor, is_active, max_uses, uses)"
            " VALUES (%s, '', 'percent', 1000, 0, '', 0, true, 1, 0) RETURNING id",
            [code],
        )
        told += _ask_at_once(shop, code, buyers)
        ((uses, orders),) = shop.query(
            "SELECT uses, (SELECT count(*) FROM orders_voucheruse WHERE voucher_id = voucher.id)"
            "  FROM orders_voucher voucher WHERE code = %s",
            [code],
        )
        assert (uses, orders) == (1, 1), (uses, orders)
    assert told == {"had it": rounds, "used_up": rounds * (buyers - 1)}, told
    return {"rounds": rounds, "buyers at once": buyers, **told, "audit findings": no_findings(shop)}


def _ask_at_once(shop: Shop, code: str, buyers: int) -> Counter[str]:
    barrier = Barrier(buyers)
    skus = shop.plentiful(5)

    def buy(number: int) -> str:
        customer = {"email": f"buyer-{number}@example.com", "name": "Buyer"}
        lines = [{"sku": skus[number % 5], "quantity": 1}]
        body = order_body(lines, customer=customer, voucher=code.lower())
        barrier.wait(timeout=30)
        for _ in range(100):
            answer = shop.post_order(key=f"{code}-{number}", body=body)
            if "Retry-After" not in answer.headers:
                break
            sleep(0.2)
        if answer.status_code == 201:
            return "had it"
        assert answer.status_code == 422, answer.text
        return str(answer.json()["errors"][0]["reason"])

    with ThreadPoolExecutor(buyers) as pool:
        return Counter(pool.map(buy, range(buyers)))
