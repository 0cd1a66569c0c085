"""No network call while a transaction is open: in the code, and in the tests themselves."""

import socket
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from fulfillment.gateways.soap import SoapWarehouse
from globalmart.core.db import NetworkInTransaction, forbid_transaction, in_real_transaction
from notifications.gateways.mail import send_mail
from notifications.gateways.sms import send_sms
from payments.gateways.stripe_gateway import StripeGateway

pytestmark = pytest.mark.django_db
STRIPE = StripeGateway(secret_key="sk_test_x", api_base="http://127.0.0.1:9")
WAREHOUSE = SoapWarehouse("http://127.0.0.1:9/", "oms", "wms")
MAIL: dict[str, Any] = {"to": "ada@example.com", "subject": "s", "text": "t", "html": "h"}
CALLS: dict[str, Callable[[], object]] = {
    "create": lambda: STRIPE.create(request={}, key="k"),
    "confirm": lambda: STRIPE.confirm(intent_id="pi", request={}, key="k"),
    "capture": lambda: STRIPE.capture(intent_id="pi", request={}, key="k"),
    "cancel": lambda: STRIPE.cancel(intent_id="pi", request={}, key="k"),
    "retrieve": lambda: STRIPE.retrieve(intent_id="pi"),
    "get_order": lambda: WAREHOUSE.get_order("GM-1"),
    "list_changes": lambda: WAREHOUSE.list_changes("main", None, "", 1),
    "cancel_order": lambda: WAREHOUSE.cancel_order("GM-1", "r"),
    "stock_snapshot": lambda: WAREHOUSE.stock_snapshot("main"),
    "send_mail": lambda: send_mail(**MAIL, message_id="1", metadata={}),
    "send_sms": lambda: send_sms(to="+442071234567", text="t", message_id="1"),
}


class TestGateways:
    @pytest.mark.parametrize("name", CALLS)
    def test_refuse_to_run_in_a_transaction(self, name: str) -> None:
        with transaction.atomic(), pytest.raises(NetworkInTransaction):
            CALLS[name]()


class TestForbidTransaction:
    def test_overlooks_the_tests_own_wrapper(self) -> None:
        assert not in_real_transaction()
        forbid_transaction()

    def test_sees_a_transaction_inside_it(self) -> None:
        with transaction.atomic():
            assert in_real_transaction()


class TestNetworkGuard:
    def test_fails_a_test_that_sends_in_a_transaction(self) -> None:
        here, there = socket.socketpair()
        with here, there:
            here.sendall(b"mug")
            with transaction.atomic(), pytest.raises(AssertionError, match="inside a transaction"):
                here.sendall(b"mug")
            assert there.recv(9) == b"mug"

    def test_fails_a_test_that_connects_in_a_transaction(self) -> None:
        with (
            socket.socket() as plug,
            transaction.atomic(),
            pytest.raises(AssertionError, match="inside a transaction"),
        ):
            plug.connect(("127.0.0.1", 9))
