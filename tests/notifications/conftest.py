"""Grace's order, and providers that remember what they were given."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import pytest

from globalmart.core.db import forbid_transaction
from notifications.services import outgoing
from orders.models import Order
from tests import builders


@dataclass(slots=True)
class FakePost:
    """Mail and text messages in memory; `errors` are raised first, one per call."""

    sent: list[dict[str, Any]] = field(default_factory=list)
    errors: deque[BaseException] = field(default_factory=deque)

    def take(self, **message: Any) -> str:
        forbid_transaction()
        self.sent.append(message)
        if self.errors:
            raise self.errors.popleft()
        return f"id-{len(self.sent)}"


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> FakePost:
    fake = FakePost()
    monkeypatch.setattr(outgoing, "send_mail", fake.take)
    monkeypatch.setattr(outgoing, "send_sms", fake.take)
    return fake


@pytest.fixture
def order(db: None) -> Order:
    builders.open_shop()
    builders.add_product()
    return builders.place(phone="+442071234567", wants_sms=True)
