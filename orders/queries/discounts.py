"""The voucher that an order may have now, and in words why it may not."""

import hmac
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from django.conf import settings
from django.utils.formats import date_format

from globalmart.core.money import display
from orders.models import Voucher, VoucherUse
from orders.pricing import Discount, DiscountKind, DiscountSource


class VoucherProblem(StrEnum):
    UNKNOWN = "unknown"
    NOT_YET = "not_yet"
    OVER = "over"
    OTHER_CURRENCY = "other_currency"
    BELOW_MINIMUM = "below_minimum"
    USED_UP = "used_up"
    ALREADY_USED = "already_used"


class VoucherRefused(Exception):
    """The order cannot have this voucher; the text tells the customer why, and what to do.

    `missing_minor` is what the goods lack to its minimum, where that is the problem.
    """

    def __init__(self, problem: VoucherProblem, detail: str, *, missing_minor: int = 0) -> None:
        super().__init__(detail)
        self.problem = problem
        self.missing_minor = missing_minor


def customer_key(email: str) -> str:
    """Return what stands for a customer beside a voucher: a keyed hash of the e-mail address,
    without spaces around it and without regard to capitals."""
    message = f"voucher:{email.strip().casefold()}".encode()
    return hmac.new(settings.LINK_KEY.encode(), message, sha256).hexdigest()


def find_voucher(*, code: str, currency: str, email: str = "", now: datetime) -> Voucher:
    """Return the voucher with this code, small or capital, if an order could have it now.

    Without `email` nobody looks whether this customer had it before. Raises VoucherRefused.
    """
    voucher = Voucher.objects.filter(code__iexact=code.strip()).first()
    if voucher is None:
        raise VoucherRefused(
            VoucherProblem.UNKNOWN,
            f"We do not know the voucher {code.strip()[:40]}. Check its spelling, or remove it.",
        )
    check_voucher(voucher, currency=currency, email=email, now=now)
    return voucher


def check_voucher(voucher: Voucher, *, currency: str, email: str, now: datetime) -> None:
    """Raise VoucherRefused where dates, currency or earlier uses forbid the voucher."""
    code = voucher.code
    if voucher.valid_from is not None and now < voucher.valid_from:
        day = date_format(voucher.valid_from, "j F Y")
        raise VoucherRefused(
            VoucherProblem.NOT_YET, f"{code} is valid from {day} on. Remove it to go on without it."
        )
    if not voucher.is_active or (voucher.valid_until is not None and now >= voucher.valid_until):
        raise VoucherRefused(
            VoucherProblem.OVER, f"{code} is not valid any more. Remove it to go on without it."
        )
    if voucher.currency and voucher.currency != currency:
        raise VoucherRefused(
            VoucherProblem.OTHER_CURRENCY,
            f"{code} is for orders in {voucher.currency}, and this one is in {currency}. "
            "Remove it to go on without it.",
        )
    if voucher.max_uses is not None and voucher.uses >= voucher.max_uses:
        raise VoucherRefused(
            VoucherProblem.USED_UP, f"{code} has been used up. Remove it to go on without it."
        )
    limit = voucher.max_uses_per_customer
    if limit is None or not email:
        return
    if len(list_places(voucher, customer=customer_key(email))) >= limit:
        raise VoucherRefused(
            VoucherProblem.ALREADY_USED,
            f"{code} was used with this e-mail address before, or is kept for an order of it that "
            "waits for its payment. Remove it to go on without it.",
        )


def list_places(voucher: Voucher, *, customer: str) -> set[int]:
    """Return the numbers of the uses that the customer with this key keeps of a voucher."""
    uses = VoucherUse.objects.filter(
        voucher=voucher, customer_key=customer, released_at__isnull=True
    )
    return set(uses.values_list("place", flat=True))


def below_minimum(voucher: Voucher, *, missing_minor: int, currency: str) -> VoucherRefused:
    """Return the refusal of a voucher whose minimum the goods do not reach."""
    lowest, missing = display(voucher.minimum_minor, currency), display(missing_minor, currency)
    return VoucherRefused(
        VoucherProblem.BELOW_MINIMUM,
        f"{voucher.code} is for goods worth {lowest} or more. Add {missing} more, or remove it.",
        missing_minor=missing_minor,
    )


def voucher_terms(voucher: Voucher) -> Discount:
    """Return what a voucher gives."""
    return Discount(
        source=DiscountSource.VOUCHER,
        kind=DiscountKind(voucher.kind),
        name=voucher.name or voucher.code,
        value=voucher.rate_bp or voucher.amount_minor,
        code=voucher.code,
        minimum_minor=voucher.minimum_minor,
    )
