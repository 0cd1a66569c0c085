"""Orders by telephone, as staff take them. Acts are as those of customers."""

from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone

from orders.models import Order
from orders.services import drafts
from orders.services.submissions import Item
from orders.states import OrderState
from tests.builders import LONDON
from tests.orders.life.world import MOST_ORDERS, SKUS, World, choose

CLERK = "staff:1"


@dataclass
class Drafts:
    world: World

    def note(self, pick: int, more: int, how: int) -> bool:
        """Begin a draft, or change one."""
        known = choose(self._open(), pick) if more % 2 else None
        if known is None and len(self.world.orders) >= MOST_ORDERS:
            return False
        items = tuple(Item(sku, 1 + how % 2) for sku in SKUS[: how % (len(SKUS) + 1)])
        wanted = drafts.Wanted(
            currency="GBP",
            items=items,
            email="ada@example.com",
            name="Ada Lovelace",
            address=LONDON.as_dict(),
            shipping_method="standard",
            voucher="SHIP" if how % 5 == 1 else "",
        )
        key = known.draft.key if known else UUID(int=int(self.world.clock.now().timestamp()))
        order = drafts.save_draft(
            key=key,
            wanted=wanted,
            actor=CLERK,
            now=timezone.now(),
            version=known.version if known else None,
        )
        if known is None:
            self.world.orders.append(order.pk)
        self.world.tell(f"draft {order.pk} of {items}")
        return True

    def submit(self, pick: int, more: int, how: int) -> bool:
        """Place a draft."""
        order = choose(self._open(), pick)
        if order is None:
            return False
        drafts.submit_draft(
            order_id=order.pk,
            expected_total_minor=order.total_minor,
            actor=CLERK,
            now=timezone.now(),
        )
        self.world.tell(f"draft {order.pk} is placed")
        return True

    def discard(self, pick: int, more: int, how: int) -> bool:
        """Give a draft up."""
        order = choose(self._open(), pick)
        return order is not None and drafts.discard_draft(
            order_id=order.pk, actor=CLERK, now=timezone.now()
        )

    def _open(self) -> list[Order]:
        return [order for order in self.world.rows() if order.state == OrderState.DRAFT]
