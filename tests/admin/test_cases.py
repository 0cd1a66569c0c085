"""Staff close a case about money by saying what was done."""

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from globalmart.core.models import Alert
from payments.models import PaymentCase
from payments.services.cases import open_case
from payments.states import CaseKind


@pytest.fixture
def case(db: None) -> PaymentCase:
    open_case(kind=CaseKind.AMOUNT, subject="pi_1", detail="differs", our_minor=1, their_minor=2)
    return PaymentCase.objects.get()


def login(*codenames: str) -> Client:
    user = User.objects.create(username="ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


def close(client: Client, case: PaymentCase, resolution: str) -> None:
    client.post(
        reverse("admin:payments_paymentcase_change", args=[case.pk]), {"resolution": resolution}
    )
    case.refresh_from_db()


def test_saying_what_was_done_closes_it_and_its_alert(case: PaymentCase) -> None:
    close(login("view_paymentcase", "change_paymentcase"), case, "captured in the dashboard")

    assert case.closed_at is not None
    assert case.closed_by.startswith("staff:")
    assert not Alert.objects.filter(closed_at__isnull=True).exists()


def test_saying_nothing_leaves_it_open(case: PaymentCase) -> None:
    close(login("view_paymentcase", "change_paymentcase"), case, "")

    assert case.closed_at is None


def test_looking_at_it_is_not_closing_it(case: PaymentCase) -> None:
    close(login("view_paymentcase"), case, "done")

    assert (case.closed_at, case.resolution) == (None, "")


def test_a_closed_one_stays_as_it_is(case: PaymentCase) -> None:
    client = login("view_paymentcase", "change_paymentcase")
    close(client, case, "refunded")
    close(client, case, "something else")

    assert case.resolution == "refunded"
