"""Returns and withdrawals on their pages: nothing typed is lost, nothing is done twice."""

import re
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from notifications import jobs
from notifications.models import Message
from notifications.services.rendering import render_mail
from orders.links import order_path
from orders.models import Order, Return, Withdrawal
from orders.queries.recipients import get_recipient
from orders.states import OrderState
from tests.orders.returns import story
from tests.orders.returns.story import CUP, MUG

MAIL = "ada@home.example"


def form(order: Order, **fields: object) -> dict[str, object]:
    """What the first page of a return sends, by SKU: quantity_MUG=2."""
    places = story.positions(order)
    return {
        re.sub("MUG|CUP", lambda found: str(places[found[0]]), name): value
        for name, value in fields.items()
    }


class TestReturnPages:
    def test_lead_from_the_choice_to_the_label(self, shipped: Order, client: Client) -> None:
        path = f"{order_path(shipped)}return/"
        assert "Send something back" in client.get(order_path(shipped)).content.decode()
        data = form(shipped, quantity_MUG="2", reason_MUG="faulty", method="own")
        review = client.post(path, {**data, "step": "review"}).content.decode()
        assert "It is faulty" in review
        assert "2 of 2" in review
        assert not Return.objects.exists()

        uuid = str(uuid4())
        sent = {**data, "step": "confirm", "uuid": uuid}
        first, second = client.post(path, sent), client.post(path, sent)
        rma = Return.objects.get()
        assert first.headers["Location"] == second.headers["Location"]
        assert first.headers["Location"] == f"{path}{rma.number}/"
        assert rma.method == "own"
        done = client.get(first.headers["Location"]).content.decode()
        assert 'class="qr"' in done
        assert "12 Dock Road" in done
        printed = client.get(f"{path}{rma.number}/label.pdf")
        assert printed.content.startswith(b"%PDF")
        assert "return" in client.get(order_path(shipped)).content.decode()

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({}, "Choose at least one thing"),
            ({"quantity_MUG": "2"}, "Say why you send back Mug of stoneware"),
            ({"quantity_MUG": "3", "reason_MUG": "faulty"}, "Of Mug of stoneware, choose 0 to 2"),
        ],
    )
    def test_say_what_is_wrong_and_lose_nothing(
        self, shipped: Order, client: Client, fields: dict[str, str], words: str
    ) -> None:
        path = f"{order_path(shipped)}return/"
        kept = form(shipped, quantity_CUP="1" if fields else "0", reason_CUP="wrong item", **fields)
        answer = client.post(path, {**kept, "step": "review"})
        assert answer.status_code == 422
        page = answer.content.decode()
        assert words in page
        assert '<option value="wrong item" selected>' in page

    def test_go_back_with_all_that_was_typed(self, shipped: Order, client: Client) -> None:
        data = form(shipped, quantity_MUG="1", reason_MUG="faulty", method="own", step="edit")
        page = client.post(f"{order_path(shipped)}return/", data).content.decode()
        assert '<option value="1" selected>' in page
        assert 'value="own" checked' in page
        assert "There is a problem" not in page

    def test_of_an_order_that_has_not_left_offer_nothing(
        self, confirmed: Order, client: Client
    ) -> None:
        page = client.get(f"{order_path(confirmed)}return/").content.decode()
        assert "Nothing of this order has left us yet" in page

    def test_let_the_customer_think_better_of_it_once(self, shipped: Order, client: Client) -> None:
        rma = story.ask(shipped, {MUG: 1})
        path = f"{order_path(shipped)}return/{rma.number}/"
        for _ in range(2):
            client.post(f"{path}cancel/")
        rma.refresh_from_db()
        assert rma.state == "cancelled"
        assert client.post(f"{path}burn/").status_code == 404
        assert client.get(f"{path}label.pdf").status_code == 404


class TestWithdrawalPages:
    def test_take_two_steps_and_send_a_receipt(self, shipped: Order, client: Client) -> None:
        path = f"{order_path(shipped)}withdraw/"
        assert "Withdraw from contract here" in client.get(order_path(shipped)).content.decode()
        first = client.get(path).content.decode()
        assert 'value="Ada Lovelace"' in first
        data = {"name": "Ada Lovelace", "email": MAIL, "scope": "whole"}
        second = client.post(path, {**data, "step": "statement"}).content.decode()
        assert re.search(r"<button[^>]*>Confirm withdrawal</button>", second)
        assert MAIL in second
        assert not Withdrawal.objects.exists()

        sent = {**data, "step": "confirm", "uuid": str(uuid4())}
        for _ in range(2):
            assert client.post(path, sent).headers["Location"] == f"{path}received/"
        row = Withdrawal.objects.get()
        assert row.is_whole
        assert "We have received your withdrawal" in client.get(f"{path}received/").content.decode()

        jobs.on_withdrawal_received(event_id=uuid4(), subject_id=shipped.pk, withdrawal_id=row.pk)
        message = Message.objects.get(kind="withdrawal_received")
        assert message.recipient == MAIL
        mail = render_mail(message=message, who=get_recipient(order_id=shipped.pk))
        assert f"{row.received_at:%Y-%m-%d %H:%M:%S} UTC" in " ".join(mail.text.split())
        assert "withdraw from the contract with GlobalMart" in mail.text
        assert "2 x Mug of stoneware" in mail.text
        assert "GMT" in mail.text or "BST" in mail.text

    def test_from_a_part_are_for_its_lines(self, shipped: Order, client: Client) -> None:
        data = form(shipped, quantity_MUG="0", quantity_CUP="2")
        data |= {"name": "Ada", "email": MAIL, "scope": "part", "step": "confirm"}
        client.post(f"{order_path(shipped)}withdraw/", data)
        row = Withdrawal.objects.get()
        assert row.units == {str(story.positions(shipped)[CUP]): 2}

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"name": ""}, "Enter your name"),
            ({"email": "ada@"}, "right form"),
            ({"scope": "part", "quantity_MUG": "0", "quantity_CUP": "0"}, "Choose from what"),
        ],
    )
    def test_say_what_is_wrong(
        self, shipped: Order, client: Client, fields: dict[str, str], words: str
    ) -> None:
        data = {"name": "Ada Lovelace", "email": MAIL, "step": "statement", **fields}
        answer = client.post(f"{order_path(shipped)}withdraw/", form(shipped, **data))
        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert not Withdrawal.objects.exists()

    def test_are_there_after_the_look_up_too(self, confirmed: Order, client: Client) -> None:
        path = reverse("orders:withdraw_found", args=[confirmed.number])
        assert client.get(path).status_code == 404
        client.post(reverse("orders:find"), {"number": confirmed.number, "email": confirmed.email})
        found = client.get(reverse("orders:found", args=[confirmed.number])).content.decode()
        assert "Withdraw from contract here" in found
        assert "Ada" not in client.get(path).content.decode()
        answer = client.post(
            path, {"name": "Ada", "email": MAIL, "scope": "whole", "step": "confirm"}
        )
        assert client.get(answer.headers["Location"]).status_code == 200
        confirmed.refresh_from_db()
        assert confirmed.state == OrderState.CANCELLED

    def test_are_closed_after_the_period(self, shipped: Order, client: Client) -> None:
        story.deliver(shipped, at=story.long_ago(20))
        path = order_path(shipped)
        assert "Withdraw from contract here" not in client.get(path).content.decode()
        page = client.get(f"{path}withdraw/").content.decode()
        assert "was over on" in page
        answer = client.post(f"{path}withdraw/", {"name": "A", "email": MAIL, "step": "confirm"})
        assert answer.status_code == 409


class TestStaffPages:
    @pytest.fixture
    def staff(self, db: None) -> Client:
        user = User.objects.create(username="returns", is_staff=True)
        wanted = ("view_order", "view_return", "handle_return")
        user.user_permissions.set(Permission.objects.filter(codename__in=wanted))
        client = Client()
        client.force_login(user)
        return client

    def act(self, client: Client, rma: Return, action: str, **fields: object) -> str:
        url = reverse("admin:orders_return_act", args=[rma.pk, action])
        page = client.post(url, fields, follow=True).content.decode()
        rma.refresh_from_db()
        return page

    def test_open_receive_inspect_and_close(self, shipped: Order, staff: Client) -> None:
        url = reverse("admin:orders_order_return", args=[shipped.pk])
        data = form(shipped, quantity_MUG=2, uuid=str(uuid4()), reason="faulty")
        for _ in range(2):
            staff.post(url, data)
        rma = Return.objects.get()
        assert rma.state == "awaiting_goods"
        said = {"uuid": str(uuid4()), "sku": MUG, "quantity": 2, "reception": "received"}
        assert "Noted." in self.act(staff, rma, "receive", **said)
        assert "done already" in self.act(staff, rma, "receive", **said)
        row = rma.lines.get().pk
        said = {"row": row, "quantity": 2, "verdict": "accepted:scrap"}
        assert "£18.00" in self.act(staff, rma, "inspect", row=row, quantity=9, verdict="x")
        self.act(staff, rma, "inspect", **said)
        assert rma.state == "closed"
        self.act(staff, rma, "inspect", **said)
        assert len(story.refunds(shipped)) == 1

    def test_decline_with_a_reason(self, shipped: Order, staff: Client, settings: Settings) -> None:
        settings.RETURN_AUTO_APPROVE = False
        rma = story.ask(shipped, {MUG: 1})
        assert "Say why" in self.act(staff, rma, "decline", reason=" ")
        self.act(staff, rma, "decline", reason="It was used")
        assert rma.state == "declined"

    def test_give_a_lost_receipt_to_its_return(self, shipped: Order, staff: Client) -> None:
        rma = story.ask(shipped, {MUG: 1})
        receipt = story.tell_receipt(MUG, 1)
        page = staff.get(reverse("admin:orders_return_change", args=[rma.pk])).content.decode()
        assert "It belongs to this return" in page
        self.act(staff, rma, "assign", receipt=receipt.pk)
        assert rma.state == "received"
        assert story.alerts() == []

    def test_set_a_receipt_aside_that_belongs_to_none(self, shipped: Order, staff: Client) -> None:
        rma = story.ask(shipped, {MUG: 1})
        receipt = story.tell_receipt("LAMP", 1, rma=rma.number)
        assert "Say what became of it" in self.act(staff, rma, "aside", receipt=receipt.pk)
        said = {"receipt": receipt.pk, "reason": "of another shop"}
        assert "counts for no return" in self.act(staff, rma, "aside", **said)
        assert story.alerts() == []

    def test_are_closed_to_others(self, shipped: Order, client: Client) -> None:
        rma = story.ask(shipped, {MUG: 1})
        user = User.objects.create(username="viewer", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename="view_return"))
        client.force_login(user)
        url = reverse("admin:orders_return_act", args=[rma.pk, "expire"])
        assert client.post(url).status_code == 403
        page = client.get(reverse("admin:orders_return_change", args=[rma.pk])).content.decode()
        assert "Note it" not in page
