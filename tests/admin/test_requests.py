"""Staff send requests again, put them right, or say what became of them; each with a reason."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from fulfillment.gateways.wms import OutcomeUnknown, SubmitAnswer, WarehouseUnavailable
from fulfillment.models import Fulfillment, Warehouse
from fulfillment.states import FulfillmentState, WaitsFor
from globalmart.core.models import TimelineEntry
from tests.fulfillment.conftest import request_row, shop, warehouse
from tests.fulfillment.fakes import FakeWarehouse
from tests.fulfillment.working import work

__all__ = ["request_row", "shop", "warehouse"]
S = FulfillmentState
LIST = "admin:fulfillment_fulfillment_changelist"


def login(*codenames: str) -> Client:
    """A member of staff with these permissions alone."""
    user = User.objects.create(username="ada", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def client(db: None) -> Client:
    return login("view_fulfillment", "change_fulfillment")


@pytest.fixture
def refused(request_row: Fulfillment, warehouse: FakeWarehouse) -> Fulfillment:
    warehouse.answers.append(SubmitAnswer("rejected", "", "BAD_ADDRESS", "no such street"))
    return work(request_row)


@pytest.fixture
def unclear(request_row: Fulfillment, warehouse: FakeWarehouse) -> Fulfillment:
    Warehouse.objects.update(can_look_up=False, deduplicates=False)
    warehouse.answers.append(OutcomeUnknown("timeout"))
    return work(request_row)


def page_of(client: Client, row: Fulfillment) -> str:
    address = reverse("admin:fulfillment_fulfillment_change", args=[row.pk])
    return client.get(address).content.decode()


def act(name: str) -> str:
    return reverse("admin:fulfillment_fulfillment_act", args=[name])


def repair(client: Client, row: Fulfillment, button: str, **said: str) -> str:
    """Press a button of the box; return what is told."""
    address = reverse("admin:fulfillment_fulfillment_repair", args=[row.pk, button])
    return client.post(address, said, follow=True).content.decode()


ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "13 St James's Square",
    "city": "London",
    "postal_code": "SW1Y 4JH",
    "country": "GB",
    "service": "standard",
}


class TestList:
    def test_shows_who_has_to_act_and_the_last_error(
        self, client: Client, refused: Fulfillment
    ) -> None:
        page = client.get(reverse(LIST)).content.decode()

        assert "BAD_ADDRESS: no such street" in page
        assert ">staff<" in re.sub(r"\s+", "", page)

    @pytest.mark.parametrize(
        ("query", "is_shown"),
        [
            ("waits_for__exact=staff", True),
            ("waits_for__exact=warehouse", False),
            ("age=15m", True),
            ("age=1h", False),
        ],
    )
    def test_can_be_narrowed(
        self, client: Client, refused: Fulfillment, query: str, is_shown: bool
    ) -> None:
        Fulfillment.objects.update(state_changed_at=timezone.now() - timedelta(minutes=20))

        page = client.get(f"{reverse(LIST)}?{query}").content.decode()

        assert (refused.reference in page) == is_shown

    @pytest.mark.parametrize(
        ("action", "words"),
        [("send_again", "as the next sequence"), ("give_up", "its goods are free again")],
    )
    def test_shows_first_what_an_action_would_do(
        self, client: Client, refused: Fulfillment, action: str, words: str
    ) -> None:
        answer = client.post(reverse(LIST), {"action": action, "_selected_action": [refused.pk]})

        page = answer.content.decode()
        assert words in page
        assert f'name="ids" value="{refused.pk}"' in page
        assert Fulfillment.objects.get().state == S.REJECTED

    def test_has_no_actions_for_who_may_only_look(self, refused: Fulfillment) -> None:
        page = login("view_fulfillment").get(reverse(LIST)).content.decode()

        assert "send_again" not in page
        assert "_selected_action" not in page


class TestSendAgain:
    def test_is_done_with_a_reason(self, client: Client, refused: Fulfillment) -> None:
        said = {"ids": str(refused.pk), "reason": "the catalogue was wrong"}
        page = client.post(act("send-again"), said, follow=True).content.decode()

        assert "1 of 1 requests go again now" in page
        assert Fulfillment.objects.get().state == S.READY
        entry = TimelineEntry.objects.get(kind="fulfillment.ready")
        assert entry.actor == f"staff:{User.objects.get().pk}"
        assert entry.reason == "the catalogue was wrong"

    def test_is_done_once(self, client: Client, refused: Fulfillment) -> None:
        said = {"ids": str(refused.pk), "reason": "x"}
        client.post(act("send-again"), said)
        page = client.post(act("send-again"), said, follow=True).content.decode()

        assert "0 of 1 requests go again now" in page
        assert Fulfillment.objects.get().sequence == 2

    @pytest.mark.parametrize("said", [{"ids": "1"}, {"ids": "x", "reason": "y"}, {"reason": "y"}])
    def test_needs_requests_and_a_reason(
        self, client: Client, refused: Fulfillment, said: dict[str, str]
    ) -> None:
        client.post(act("send-again"), said)

        assert Fulfillment.objects.get().state == S.REJECTED

    @pytest.mark.parametrize("permissions", [(), ("view_fulfillment",), ("change_fulfillment",)])
    def test_needs_the_permission(self, refused: Fulfillment, permissions: tuple[str, ...]) -> None:
        said = {"ids": str(refused.pk), "reason": "x"}

        assert login(*permissions).post(act("send-again"), said).status_code == 403
        assert Fulfillment.objects.get().state == S.REJECTED

    def test_says_what_may_not_be_sent_again(self, client: Client, unclear: Fulfillment) -> None:
        page = client.get(act("send-again"), {"id": unclear.pk}).content.decode()

        assert "say first, on its own page, whether it arrived" in page
        assert 'name="reason"' not in page

    def test_says_that_a_request_is_looked_up_first(
        self, client: Client, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(OutcomeUnknown("timeout"))
        row = work(request_row)

        assert (
            "is looked up at once" in client.get(act("send-again"), {"id": row.pk}).content.decode()
        )

        Warehouse.objects.update(can_look_up=False)
        assert "knows repetitions" in client.get(act("send-again"), {"id": row.pk}).content.decode()

    def test_takes_what_waits_for_the_warehouse(
        self, client: Client, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        warehouse.answers.append(WarehouseUnavailable("down"))
        row = work(request_row)

        client.post(act("send-again"), {"ids": str(row.pk), "reason": "it is up"})

        due = Fulfillment.objects.get().due_at
        assert due is not None
        assert due <= timezone.now()

    def test_is_not_there_under_another_name(self, client: Client) -> None:
        assert client.get(act("delete")).status_code == 404


class TestGiveUp:
    def test_cancels_what_was_refused(self, client: Client, refused: Fulfillment) -> None:
        client.post(act("give-up"), {"ids": str(refused.pk), "reason": "sold out"})

        assert Fulfillment.objects.get().state == S.CANCELLED

    def test_leaves_what_the_warehouse_may_have(self, client: Client, unclear: Fulfillment) -> None:
        client.post(act("give-up"), {"ids": str(unclear.pk), "reason": "sold out"})

        assert Fulfillment.objects.get().state == S.SUBMIT_UNKNOWN


class TestRequestPage:
    def test_asks_whether_an_unclear_request_arrived(
        self, client: Client, unclear: Fulfillment
    ) -> None:
        page = page_of(client, unclear)

        assert "It arrived" in page
        assert "It never arrived" in page
        assert "It was cancelled there" in page
        assert "Correct and send again" not in page
        assert "Send it again as it is" not in page

    def test_offers_to_put_a_refused_request_right(
        self, client: Client, refused: Fulfillment
    ) -> None:
        page = page_of(client, refused)

        assert "Correct and send again" in page
        assert "as sequence 2" in page
        assert 'value="12 St James&#x27;s Square"' in page
        assert "It arrived" not in page
        assert "It was cancelled there" not in page

    def test_offers_nothing_where_nothing_is_wrong(
        self, client: Client, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        assert "What can be done" not in page_of(client, work(request_row))

    def test_offers_nothing_to_who_may_only_look(self, refused: Fulfillment) -> None:
        page = page_of(login("view_fulfillment"), refused)

        assert refused.reference in page
        assert "What can be done" not in page

    def test_has_no_form_inside_another(self, client: Client, refused: Fulfillment) -> None:
        page = page_of(client, refused)

        box = page.index('id="staff-repair"')
        assert page.rindex("</form>", 0, box) > page.rindex("<form", 0, box)
        assert page.index('id="fulfillment_form"') > box


class TestRepairs:
    def test_it_arrived(self, client: Client, unclear: Fulfillment) -> None:
        said = {"wms_number": "W-77", "reason": "they told me"}
        assert "the warehouse has the request" in repair(client, unclear, "arrived", **said)

        row = Fulfillment.objects.get()
        assert (row.state, row.wms_number, row.waits_for) == (S.ACCEPTED, "W-77", "")

        assert "found out by itself" in repair(client, unclear, "arrived", **said)

    def test_it_was_cancelled_there(
        self, client: Client, request_row: Fulfillment, warehouse: FakeWarehouse
    ) -> None:
        row = work(request_row)
        assert "does not wait" in repair(client, row, "cancelled", reason="they told me")

        Fulfillment.objects.update(waits_for=WaitsFor.WAREHOUSE)
        assert "It was cancelled there" in page_of(client, row)
        assert "its goods are free" in repair(client, row, "cancelled", reason="they told me")

        assert Fulfillment.objects.get().state == S.CANCELLED

    def test_it_never_arrived(self, client: Client, unclear: Fulfillment) -> None:
        assert "It goes again now" in repair(client, unclear, "absent", reason="they told me")

        assert Fulfillment.objects.get().state == S.READY

    def test_it_is_put_right(self, client: Client, refused: Fulfillment) -> None:
        assert "goes again now" in repair(client, refused, "correct", reason="wrote", **ADDRESS)

        row = Fulfillment.objects.get()
        assert (row.state, row.sequence) == (S.READY, 2)
        assert row.ship_to["line1"] == "13 St James's Square"

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("arrived", {"wms_number": "W-77"}),
            ("arrived", {"reason": "x"}),
            ("absent", {}),
        ],
    )
    def test_need_what_they_ask_for(
        self, client: Client, unclear: Fulfillment, name: str, said: dict[str, str]
    ) -> None:
        assert "This field is required" in repair(client, unclear, name, **said)

        assert Fulfillment.objects.get().waits_for == WaitsFor.WAREHOUSE

    def test_need_a_country_that_the_warehouse_can_read(
        self, client: Client, refused: Fulfillment
    ) -> None:
        said = {**ADDRESS, "country": "uk", "reason": "x"}
        assert "Two capital letters" in repair(client, refused, "correct", **said)

        assert Fulfillment.objects.get().state == S.REJECTED

    @pytest.mark.parametrize("name", ["arrived", "absent", "correct", "cancelled"])
    def test_need_the_permission(self, unclear: Fulfillment, name: str) -> None:
        address = reverse("admin:fulfillment_fulfillment_repair", args=[unclear.pk, name])
        said = {**ADDRESS, "wms_number": "W-77", "reason": "x"}

        assert login("view_fulfillment").post(address, said).status_code == 403
        assert Fulfillment.objects.get().state == S.SUBMIT_UNKNOWN

    def test_are_not_done_by_a_link(self, client: Client, unclear: Fulfillment) -> None:
        address = reverse("admin:fulfillment_fulfillment_repair", args=[unclear.pk, "absent"])

        assert client.get(address).status_code == 403
