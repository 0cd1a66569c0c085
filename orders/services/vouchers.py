"""Vouchers are taken and given back under their own row's lock, which comes after the order's."""

from datetime import datetime

from django.db import transaction

from orders.models import Order, Voucher, VoucherUse
from orders.queries.discounts import check_voucher, customer_key, list_places


def take_voucher(*, order: Order, voucher_id: int, now: datetime) -> None:
    """Count this order among the voucher's uses. The caller holds the order's lock, or has just
    inserted it, and no lock that comes after a voucher's. Raises VoucherRefused."""
    voucher = Voucher.objects.locked().get(pk=voucher_id)
    check_voucher(voucher, currency=order.currency, email=order.email, now=now)
    VoucherUse.objects.create(
        voucher=voucher,
        order=order,
        customer_key=customer_key(order.email),
        place=_free_place(voucher, customer_key(order.email)),
        limit=voucher.max_uses_per_customer,
    )
    _count(voucher, 1)


def lock_voucher(*, order: Order) -> None:
    """Lock the voucher that the order has, if any, for a caller that locks more before it knows
    whether the voucher goes back."""
    for use in VoucherUse.objects.filter(order=order, released_at__isnull=True):
        Voucher.objects.locked().get(pk=use.voucher_id)


@transaction.atomic
def give_voucher_back(*, order: Order, now: datetime) -> None:
    """The order has ended with nothing sent: somebody else, or the same customer, may have its
    voucher. Again, it does nothing. The caller holds the order's lock, and none after it."""
    use = VoucherUse.objects.filter(order=order, released_at__isnull=True).first()
    if use is None:
        return
    voucher = Voucher.objects.locked().get(pk=use.voucher_id)
    use.released_at = now
    use.save(update_fields=["released_at"])
    _count(voucher, -1)


@transaction.atomic
def take_voucher_again(*, order: Order) -> bool:
    """Count an order that was over and is paid after all; tell whether it may have its voucher
    still. Its dates do not matter: the price was agreed while they held."""
    use = VoucherUse.objects.filter(order=order, released_at__isnull=False).first()
    if use is None:
        return True
    voucher = Voucher.objects.locked().get(pk=use.voucher_id)
    # By the customer who took it: the order's e-mail address may have been corrected since.
    place = _free_place(voucher, use.customer_key)
    is_used_up = voucher.max_uses is not None and voucher.uses >= voucher.max_uses
    if is_used_up or (use.limit is not None and place > use.limit):
        return False
    use.released_at, use.place = None, place
    use.save(update_fields=["released_at", "place"])
    _count(voucher, 1)
    return True


def _free_place(voucher: Voucher, customer: str) -> int:
    """Return the lowest number that no use of this customer has."""
    taken = list_places(voucher, customer=customer)
    return next(place for place in range(1, len(taken) + 2) if place not in taken)


def _count(voucher: Voucher, more: int) -> None:
    voucher.uses += more
    voucher.save(update_fields=["uses"])
