"""Placing one invoice: the checkout's own answers decide what becomes of its rows."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import OperationalError

from fulfillment.services.stock import OutOfStock
from globalmart.core.db import sqlstate
from globalmart.core.idempotency import KeyBusy, KeyReused
from globalmart.core.problems import CONTENTION
from orders.imports.cleaning import Reason
from orders.imports.invoices import Invoice, build_submission
from orders.queries.pricing import NothingToPay, NotPriced, TotalTooLarge, UnknownSku
from orders.services import checkout

TRIES = 6
FIRST_PAUSE_SECONDS = 0.1


class Contended(Exception):
    """Others held the rows for as long as we were willing to wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an invoice; amounts in pence.

    `is_new` is false where the order was there before; `is_order` is false where nothing was
    placed. `refused` tells for each SKU left out why. `is_untried`: too busy, the next run goes on.
    """

    invoice: Invoice
    is_order: bool = False
    is_new: bool = False
    is_untried: bool = False
    number: str = ""
    total_minor: int = 0
    shipping_minor: int = 0
    refused: dict[str, tuple[Reason, str]]


def place_invoice(*, invoice: Invoice, client_id: int, notify: bool) -> Outcome:
    """Place the invoice; what cannot be had is left out, and the rest is placed.

    Runs in a thread of its own connection. Raises UnknownShippingMethod and database errors.
    """
    refused: dict[str, tuple[Reason, str]] = {}
    skus = {line.sku for line in invoice.lines}
    while skus - set(refused):
        submission = build_submission(
            invoice=invoice, without=set(refused), client_id=client_id, notify=notify
        )
        try:
            placed = _place_patiently(submission)
        except OutOfStock as error:
            refused |= _sold_out(error, left=skus - set(refused))
        except UnknownSku as error:
            refused |= dict.fromkeys(error.skus, (Reason.UNKNOWN_SKU, ""))
        except NotPriced as error:
            refused |= dict.fromkeys(error.skus, (Reason.NOT_PRICED, ""))
        except checkout.BadQuantity as error:
            refused[error.sku] = (Reason.REFUSED, "quantity beyond the shop's limit")
        except (TotalTooLarge, NothingToPay) as error:
            words = "total too large" if isinstance(error, TotalTooLarge) else "total too small"
            refused |= dict.fromkeys(skus - set(refused), (Reason.REFUSED, words))
        except (checkout.DuplicateReference, KeyReused):
            # Somebody imports the same file at the same time: the order is theirs.
            return Outcome(invoice=invoice, is_order=True, refused=refused)
        except Contended:
            return Outcome(invoice=invoice, is_untried=True, refused={})
        else:
            return Outcome(
                invoice=invoice,
                is_order=True,
                is_new=not placed.is_replay,
                number=placed.body["number"],
                total_minor=placed.body["total_minor"],
                shipping_minor=placed.body["shipping_minor"],
                refused=refused,
            )
    return Outcome(invoice=invoice, refused=refused)


def _sold_out(error: OutOfStock, *, left: set[str]) -> dict[str, tuple[Reason, str]]:
    """Return the verdict on each SKU that is short; without a warehouse that is all of them."""
    if not error.shortages:
        return dict.fromkeys(left, (Reason.SOLD_OUT, "no active warehouse"))
    return {
        short.sku: (Reason.SOLD_OUT, f"{short.wanted} wanted, {short.available} available")
        for short in error.shortages
    }


def _place_patiently(submission: checkout.Submission) -> checkout.Placed:
    """Place, with a longer pause each time somebody else holds the rows. Raises Contended."""
    pause = FIRST_PAUSE_SECONDS
    for _ in range(TRIES):
        try:
            return checkout.place_order(submission=submission, now=datetime.now(UTC))
        except KeyBusy:
            pass
        except OperationalError as error:
            if sqlstate(error) not in CONTENTION:
                raise
        time.sleep(pause)
        pause *= 2
    raise Contended
