"""Refunds at Stripe, translated into what payments knows."""

from collections.abc import Mapping
from typing import Any

from payments.gateways.classification import classify_refund, classify_refund_error
from payments.gateways.refunds import RefundAnswer, RefundList, RefundOutcome, StripeRefund
from payments.gateways.stripe_client import Reply, ask, client, options, params

PAGE = 100
# More refunds than this of one payment are not read: then the list counts as not whole.
MOST_PAGES = 10


class StripeRefunds:
    """See RefundGateway for the contract."""

    def create(self, *, request: Mapping[str, Any], key: str) -> RefundAnswer:
        return answer_of_reply(
            ask(lambda: client().v1.refunds.create(params(request), options(key)))
        )

    def retrieve(self, *, refund_id: str) -> RefundAnswer:
        answer = answer_of_reply(ask(lambda: client().v1.refunds.retrieve(refund_id)))
        if answer.refund is None and answer.outcome == RefundOutcome.REFUSED:
            # That it is not shown proves nothing about the money.
            return RefundAnswer(RefundOutcome.UNKNOWN, None, answer.code, answer.retry_after)
        return answer

    def list_of_intent(self, *, intent_id: str) -> RefundList:
        found: list[StripeRefund] = []
        for _ in range(MOST_PAGES):
            page: dict[str, Any] = {"payment_intent": intent_id, "limit": PAGE}
            if found:
                page["starting_after"] = found[-1].id
            reply = _list_page(page)
            refunds = _read_page(reply)
            if refunds is None:
                return RefundList(False, tuple(found), reply.code, reply.retry_after)
            found += refunds
            if not (reply.raw or {}).get("has_more") or not refunds:
                return RefundList(True, tuple(found))
        return RefundList(False, tuple(found), "too_many")


def _list_page(page: Mapping[str, Any]) -> Reply:
    return ask(lambda: client().v1.refunds.list(params(page)))


def answer_of_reply(reply: Reply) -> RefundAnswer:
    """Return what a reply means for a refund."""
    if reply.error is not None:
        outcome = classify_refund_error(reply.error)
        return RefundAnswer(outcome, None, reply.code, reply.retry_after)
    refund = _read(reply.raw)
    if refund is None:
        # An answer that cannot be read is no answer.
        return RefundAnswer(RefundOutcome.UNKNOWN, code="client_error")
    return answer_of_refund(refund)


def answer_of_refund(refund: StripeRefund) -> RefundAnswer:
    """Return the answer that a refund is."""
    return RefundAnswer(classify_refund(status=refund.status), refund, refund.failure_code)


def read_refund(raw: Mapping[str, Any]) -> StripeRefund:
    """Return a refund from Stripe's JSON. Raises KeyError where Stripe left out what it owes."""
    return StripeRefund(
        id=raw["id"],
        status=str(raw["status"]),
        amount_minor=int(raw["amount"]),
        currency=str(raw["currency"]).upper(),
        intent_id=_id(raw.get("payment_intent")),
        failure_code=str(raw.get("failure_reason") or ""),
        metadata=raw.get("metadata") or {},
        balance_transaction=_id(raw.get("balance_transaction")),
    )


def _id(value: Any) -> str:
    """Return the id of an object that may or may not be expanded; empty where there is none."""
    return str(value["id"] if isinstance(value, Mapping) else value or "")


def _read(raw: Mapping[str, Any] | None) -> StripeRefund | None:
    try:
        return read_refund(raw) if raw is not None else None
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _read_page(reply: Reply) -> list[StripeRefund] | None:
    """Return the refunds of a page, or None where one of them cannot be read."""
    rows = (reply.raw or {}).get("data") if reply.error is None else None
    if not isinstance(rows, list):
        return None
    refunds = [_read(row) for row in rows]
    return None if None in refunds else [each for each in refunds if each is not None]
