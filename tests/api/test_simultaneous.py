"""Fifty identical requests at once: one order, and everybody learns of it."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from django.db import connection
from django.http import HttpResponse

from fulfillment.models import Stock
from orders.models import Order
from payments.models import PaymentAttempt
from tests.api.conftest import Caller, order_of


def place_patiently(caller: Caller) -> list[HttpResponse]:
    """Send until the answer is not 409, as the API's reference tells clients to."""
    answers = []
    with closing(connection):
        for _ in range(20):
            answers.append(caller.place(order_of()))
            if answers[-1].status_code != 409:
                break
            assert answers[-1]["Retry-After"] == "1"
            assert answers[-1].json()["code"] in {"idempotency_key_in_use", "busy"}
            time.sleep(0.1)
    return answers


@pytest.mark.django_db(transaction=True)
class TestFiftyIdenticalRequests:
    def test_make_one_order_and_one_answer(self, ada: Caller) -> None:
        callers = [Caller(ada.key) for _ in range(50)]
        with ThreadPoolExecutor(16) as threads:
            answers = [each[-1] for each in threads.map(place_patiently, callers)]
        order = Order.objects.get()
        assert Counter(answer.status_code for answer in answers) == {201: 50}
        assert {answer.content for answer in answers} == {answers[0].content}
        assert sum("Idempotent-Replayed" not in answer for answer in answers) == 1
        assert PaymentAttempt.objects.get().order_id == order.pk
        assert Stock.objects.get(sku="MUG").reserved == 2
