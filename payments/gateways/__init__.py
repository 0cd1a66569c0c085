"""The one payment gateway of this process."""

from functools import lru_cache

from django.conf import settings

from payments.gateways.disputes import DisputeGateway
from payments.gateways.events import EventGateway
from payments.gateways.intents import Notice, PaymentGateway
from payments.gateways.lists import ListGateway
from payments.gateways.refunds import RefundGateway


@lru_cache
def current() -> PaymentGateway:
    """Return the gateway that the settings describe; safe to share between threads."""
    # The SDK takes a second to import; a process that never pays need not wait for it.
    from payments.gateways.stripe_gateway import StripeGateway  # noqa: PLC0415

    return StripeGateway(secret_key=settings.STRIPE_SECRET_KEY, api_base=settings.STRIPE_API_BASE)


def read_notice(*, payload: bytes, signature: str) -> Notice:
    """Check a webhook and return what it tells. Raises BadSignature."""
    from payments.gateways import stripe_gateway  # noqa: PLC0415 - as above

    return stripe_gateway.read_notice(payload=payload, signature=signature)


@lru_cache
def refunds() -> RefundGateway:
    """Return Stripe's refunds as the settings describe them; safe to share between threads."""
    from payments.gateways.stripe_refunds import StripeRefunds  # noqa: PLC0415 - as above

    return StripeRefunds()


@lru_cache
def disputes() -> DisputeGateway:
    """Return Stripe's disputes as the settings describe them; safe to share between threads."""
    from payments.gateways.stripe_disputes import StripeDisputes  # noqa: PLC0415 - as above

    return StripeDisputes()


@lru_cache
def lists() -> ListGateway:
    """Return Stripe's lists as the settings describe them; safe to share between threads."""
    from payments.gateways.stripe_lists import StripeLists  # noqa: PLC0415 - as above

    return StripeLists()


@lru_cache
def events() -> EventGateway:
    """Return Stripe's events as the settings describe them; safe to share between threads."""
    from payments.gateways.stripe_events import StripeEvents  # noqa: PLC0415 - as above

    return StripeEvents()
