"""What buyer, staff and time do in a cell, so that the order comes to where it is to crash."""

import threading
from collections.abc import Callable
from typing import Any

from globalmart.sandbox import selftest, walkthrough
from globalmart.sandbox.browsing import Browser
from tests.crashpoints.buyers import Buyer
from tests.crashpoints.cells import WAREHOUSE, Cell
from tests.crashpoints.stage import Stage

Story = Callable[[Stage, Cell, Buyer], None]
# Two clicks on the same button of staff: the second finds what the first has done.
REFUND = """
from uuid import UUID
from django.utils import timezone
from orders.models import Order
from payments.models import Refund, RefundItem
from payments.services import refunds
print("ready", flush=True)
order = Order.objects.get(public_id={public_id!r})
for _click in range(2):
    asked = refunds.request_refund(
        order_id=order.pk, reason=Refund.Reason.GOODWILL, requested_by="system",
        items=[refunds.Part(kind=RefundItem.Kind.AMOUNT, amount_minor=100)],
        uuid=UUID({uuid!r}), now=timezone.now())
    refunds.approve_refund(refund_id=asked.pk, approved_by="system", now=timezone.now())
"""
# Ends the order in the moment in which its confirmation leaves.
CANCEL = """
import time
from django.utils import timezone
from globalmart.core.models import IdempotencyKey
from orders.models import Order
from orders.services.lifecycle import expire_order
from payments.models import PaymentAttempt
print("ready", flush=True)
stop_at = time.monotonic() + 100
while time.monotonic() < stop_at:
    time.sleep(0.05)
    placed = IdempotencyKey.objects.filter(key={key!r}).first()
    attempts = PaymentAttempt.objects.filter(order_id=placed and placed.subject_id)
    if attempts.filter(state="processing").exists():
        Order.objects.filter(pk=placed.subject_id).update(payment_due_at=timezone.now())
        expire_order(order_id=placed.subject_id, now=timezone.now())
        break
"""


def buy(stage: Stage, cell: Cell, buyer: Buyer) -> None:
    """An integrator's server pays with a card; the warehouse ships, the money is captured."""
    stage.arm(cell, buyer)
    stage.place(buyer)


def _open_in_browser(stage: Stage, buyer: Buyer) -> str:
    """Place an order that the customer's browser pays; return its intent's id."""
    stage.place(buyer, card=None)
    stage.pass_head_start(buyer)
    return str(
        stage.until(lambda: stage.column(buyer, "stripe_intent_id"), f"{buyer.key} has no intent")
    )


def _confirm_in_browser(stage: Stage, intent: str, *, card: str) -> str:
    """Confirm the intent as the customer's browser does; return its client secret."""
    secret = str(stage.stripe("GET", f"/v1/payment_intents/{intent}")["client_secret"])
    stage.browser(
        f"/v1/payment_intents/{intent}/confirm",
        key=stage.shop.environment["STRIPE_PUBLISHABLE_KEY"],
        client_secret=secret,
        payment_method=card,
        use_stripe_sdk="true",
        return_url=stage.shop.base_url,
    )
    return secret


def buy_by_pages(stage: Stage, cell: Cell, buyer: Buyer) -> None:
    """A guest presses the pay button again, where no answer came, and pays in the browser."""
    if cell.variant != "page":
        buy(stage, cell, buyer)
        return
    browser = Browser()
    review = walkthrough.walk_to_review(selftest.Shop.of(stage.shop.environment), browser)
    form = review.form(holding="/checkout/place/")
    buyer.key = form.values["key"]
    stage.arm(cell, buyer)

    def press() -> Any:
        try:
            answer = browser.submit(form, referer=review.url)
        except OSError:
            return None
        return answer.json if answer.status == 200 and answer.json["client_secret"] else None

    begun = stage.until(press, f"{buyer.key} cannot be paid")
    stage.find_order(buyer)
    intent = begun["client_secret"].partition("_secret_")[0]
    _confirm_in_browser(stage, intent, card="pm_card_visa")
    browser.get(begun["return_url"])


def close_tab(stage: Stage, cell: Cell, buyer: Buyer) -> None:
    """The bank asks, and the customer never comes back to the shop."""
    stage.arm(cell, buyer)
    intent = _open_in_browser(stage, buyer)
    secret = _confirm_in_browser(stage, intent, card="pm_card_threeDSecure2Required")
    stage.await_hit(cell, buyer)
    if cell.variant == "finished":
        stage.browser(f"/v3/challenge/{intent}", client_secret=secret, result="complete")
    else:
        stage.pass_deadline(buyer)


def pay_late(stage: Stage, cell: Cell, buyer: Buyer) -> None:
    """The order expired, its intent was seen cancelled, and yet Stripe shows money later."""
    stage.arm(cell, buyer)
    intent = _open_in_browser(stage, buyer)
    stage.pass_deadline(buyer)
    stage.until(lambda: stage.order_state(buyer) == "expired", f"{buyer.key} does not expire")
    status = "requires_capture" if cell.variant == "held" else "succeeded"
    stage.control("POST", "intents", {"payment_intent": intent, "status": status})


def lose_redis(stage: Stage, cell: Cell, buyer: Buyer) -> None:
    """Redis forgets every job while the order is placed and paid."""
    if cell.variant != "flushed":
        buy(stage, cell, buyer)
        return
    stage.arm(cell, buyer)
    flushing = threading.Thread(target=stage.lose_redis, kwargs={"seconds": 3.0})
    flushing.start()
    stage.place(buyer)
    flushing.join()


def lose_hold(stage: Stage, cell: Cell, buyer: Buyer) -> None:
    """The hold runs out before the parcel leaves, or its capture brings no money."""
    stage.arm(cell, buyer)
    if cell.variant == "refused":
        stage.place(buyer, card="pm_card_sandbox_captureInsufficientFunds")
        return
    stage.place(buyer)
    stage.until(lambda: stage.column(buyer, "a.state") == "authorized", f"{buyer.key} is not held")
    stage.control("POST", "expire", {"payment_intent": stage.column(buyer, "stripe_intent_id")})


def hear_webhooks(stage: Stage, cell: Cell, buyer: Buyer) -> None:
    """The webhooks crash us, or come twice, late, in another order, or never."""
    if cell.variant != "never":
        buy(stage, cell, buyer)
        return
    # Only whoever looks for itself can learn of what a browser has done.
    stage.arm(cell, buyer)
    intent = _open_in_browser(stage, buyer)
    _confirm_in_browser(stage, intent, card="pm_card_visa")


def refund(stage: Stage, cell: Cell, buyer: Buyer) -> None:
    """Staff clicks twice to refund a part of a completed order."""
    stage.arm(cell, buyer)
    stage.place(buyer)
    stage.until(lambda: stage.order_state(buyer) == "completed", f"{buyer.key} is not completed")
    uuid = f"00000000-0000-4000-8000-{buyer.amount_minor:012d}"
    words: dict[str, Any] = {"public_id": buyer.public_id, "uuid": uuid}
    with stage.shell(REFUND.format(**words)):
        stage.await_hit(cell, buyer)


def cancel_meanwhile(stage: Stage, cell: Cell, buyer: Buyer) -> None:
    """The order is ended while its confirmation is on the way."""
    slow = {"operation": "payment_intents.confirm", "fault": "delay", "seconds": 7, "count": 5}
    stage.control("POST", "faults", {**slow, "amount_minor": buyer.amount_minor})
    stage.arm(cell, buyer)
    # A process of its own: the workers' queues may be busy until the confirmation has come back.
    with stage.shell(CANCEL.format(key=buyer.key)):
        stage.place(buyer)


def ship(stage: Stage, cell: Cell, buyer: Buyer) -> None:
    """The request to the warehouse is cut off, or whoever sends it is taken for dead."""
    intent = _open_in_browser(stage, buyer)
    stage.find_reference(buyer)
    stage.arm(cell, buyer)
    _confirm_in_browser(stage, intent, card="pm_card_visa")
    if cell.point == "CP19":
        stage.until(lambda: stage.pass_lease(buyer), f"{buyer.key} is not sent")


def deploy(stage: Stage, cell: Cell, buyer: Buyer) -> None:
    """A deployment ends every process of the background in the middle of a step."""
    buy(stage, cell, buyer)
    if cell.variant == "deploy":
        stage.await_hit(cell, buyer)
        stage.restart_background()


STORIES: dict[str, Story] = {
    "CP10": close_tab,
    "CP11": pay_late,
    "CP12": buy_by_pages,
    "CP15": lose_redis,
    **dict.fromkeys(WAREHOUSE, ship),
    "CP21": lose_hold,
    "CP24": hear_webhooks,
    "CP25": refund,
    "CP27": cancel_meanwhile,
    "CP28": deploy,
}


def play(stage: Stage, cell: Cell, buyer: Buyer) -> None:
    """Play the cell's story until what was armed has happened. Raises NotReached."""
    STORIES.get(cell.point, buy)(stage, cell, buyer)
    stage.await_hit(cell, buyer)
