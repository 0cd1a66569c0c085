"""Staff change a voucher while customers use it."""

import pytest
from django.contrib import admin
from django.test import Client

from orders.models import Voucher
from orders.pricing import DiscountKind
from tests.admin.test_pages import address, chief, staff  # noqa: F401 - fixtures


def test_uses_counted_while_staff_save_are_kept(
    staff: Client,  # noqa: F811 - a fixture
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    voucher = Voucher.objects.create(
        code="ONCE", kind=DiscountKind.PERCENT, rate_bp=1000, max_uses=1
    )
    page = admin.site._registry[Voucher]
    read = page.get_object

    def read_before_an_order(*args: object) -> Voucher:
        found = read(*args)  # type: ignore[arg-type]
        Voucher.objects.update(uses=1)
        return found  # type: ignore[return-value]

    monkeypatch.setattr(page, "get_object", read_before_an_order)
    terms = {"name": "A tenth off", "kind": "percent", "rate_bp": 1000, "is_active": "on"}
    money = {"amount_minor": 0, "minimum_minor": 0, "max_uses": 1}
    no_rows = {f"taken-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL")}
    answer = staff.post(address(Voucher, "change", voucher.pk), {**terms, **money, **no_rows})

    assert answer.status_code == 302
    voucher.refresh_from_db()
    assert (voucher.name, voucher.uses) == ("A tenth off", 1)
