"""Staff keep a warehouse's calendar on its page."""

from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from fulfillment.models import Warehouse

pytestmark = pytest.mark.django_db


@pytest.fixture
def warehouse() -> Warehouse:
    return Warehouse.objects.create(code="main", name="Main")


def save(warehouse: Warehouse, **changes: str) -> Any:
    """What staff see after saving the page with a holiday added."""
    staff = Client()
    staff.force_login(User.objects.create(username="chief", is_staff=True, is_superuser=True))
    form = {
        **{"name": "Main", "priority": "1", "is_active": "on", "working_days": "12345"},
        **{"time_zone": "Europe/London", "cutoff": "14:30", "can_look_up": "on"},
        **{"holidays-TOTAL_FORMS": "1", "holidays-INITIAL_FORMS": "0"},
        **{"holidays-0-on_date": "2026-12-25", "holidays-0-name": "Christmas"},
    }
    address = reverse("admin:fulfillment_warehouse_change", args=[warehouse.pk])
    return staff.post(address, {**form, **changes})


class TestWarehousePage:
    def test_keeps_calendar_and_holidays(self, warehouse: Warehouse) -> None:
        assert save(warehouse).status_code == 302

        warehouse.refresh_from_db()
        assert warehouse.time_zone == "Europe/London"
        assert f"{warehouse.cutoff:%H:%M}" == "14:30"
        assert warehouse.holidays.get().on_date == date(2026, 12, 25)

    @pytest.mark.parametrize(
        "wrong", [{"time_zone": "Mars/Phobos"}, {"working_days": "21"}, {"working_days": ""}]
    )
    def test_refuses_what_is_no_calendar(self, warehouse: Warehouse, wrong: dict[str, str]) -> None:
        assert save(warehouse, **wrong).status_code == 200

        warehouse.refresh_from_db()
        assert (warehouse.time_zone, warehouse.working_days) == ("UTC", "12345")
