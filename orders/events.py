"""What orders tells the house. Subject: the order."""

from dataclasses import dataclass
from typing import ClassVar

from globalmart.core.outbox import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class _OrderEvent(Event):
    subject_type: ClassVar[str] = "order"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced(_OrderEvent):
    name: ClassVar[str] = "order.placed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderConfirmed(_OrderEvent):
    name: ClassVar[str] = "order.confirmed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderInFulfillment(_OrderEvent):
    name: ClassVar[str] = "order.in_fulfillment"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCompleted(_OrderEvent):
    name: ClassVar[str] = "order.completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderCancelled(_OrderEvent):
    """Nothing of the order has left, and nothing will; its money goes back."""

    name: ClassVar[str] = "order.cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationRejected(_OrderEvent):
    """Somebody wanted the order cancelled, and it had left, or a part of it."""

    name: ClassVar[str] = "order.cancellation_rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitsCancelled(_OrderEvent):
    """All units that somebody did not want any more were given up; the rest goes on."""

    name: ClassVar[str] = "order.units_cancelled"
    cancellation_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactCorrected(_OrderEvent):
    """The customer is reached otherwise from now on."""

    name: ClassVar[str] = "order.contact_corrected"
    correction_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressCorrected(_OrderEvent):
    """What has not left goes to another address."""

    name: ClassVar[str] = "order.address_corrected"


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressCorrectionRejected(_OrderEvent):
    """Somebody wanted the order to go elsewhere, and all of it had left."""

    name: ClassVar[str] = "order.address_correction_rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsShort(_OrderEvent):
    """The warehouse will not ship some of it: the customer is asked what to do."""

    name: ClassVar[str] = "order.goods_short"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderExpired(_OrderEvent):
    name: ClassVar[str] = "order.expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentInvited(_OrderEvent):
    """The goods are near: the customer is asked for the money, with a link."""

    name: ClassVar[str] = "order.payment_invited"


@dataclass(frozen=True, slots=True, kw_only=True)
class LatePaymentReturned(_OrderEvent):
    """Money came after the order had ended, and its goods were gone: it goes back."""

    name: ClassVar[str] = "order.late_payment_returned"


@dataclass(frozen=True, slots=True, kw_only=True)
class _HoldEvent(_OrderEvent):
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHoldPlaced(_HoldEvent):
    """Nothing of the order leaves until this hold, and every other, is released."""

    name: ClassVar[str] = "order.hold_placed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderHoldReleased(_HoldEvent):
    name: ClassVar[str] = "order.hold_released"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnMoved(_OrderEvent):
    """Goods that come back have come to another state, or begun with one."""

    name: ClassVar[str] = "return.moved"
    return_id: int
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithdrawalReceived(_OrderEvent):
    """A customer has withdrawn from the contract: they get a receipt at once."""

    name: ClassVar[str] = "order.withdrawal_received"
    withdrawal_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentIssued(_OrderEvent):
    """An invoice, a credit note, or what takes one back, has its number."""

    name: ClassVar[str] = "document.issued"
    document_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayLinkSent(_OrderEvent):
    """Staff have placed the order for its customer, who gets a link to pay."""

    name: ClassVar[str] = "order.pay_link_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftDiscarded(_OrderEvent):
    """Staff have given a draft up, of which its customer never heard."""

    name: ClassVar[str] = "order.draft_discarded"
