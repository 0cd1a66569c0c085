"""The warehouse behind its SOAP interface, through zeep and the WSDL in this folder."""

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from lxml import etree

from fulfillment.gateways import translation
from fulfillment.gateways.envelopes import NAMESPACE, Envelopes
from fulfillment.gateways.guarded import DOOR
from fulfillment.gateways.wire import DEADLINE_SECONDS, MAX_ANSWER_BYTES, Wire
from fulfillment.gateways.wms import (
    CancelAnswer,
    ChangePage,
    DeltaPage,
    OutcomeUnknown,
    ReceiptPage,
    StockSnapshot,
    SubmitAnswer,
    SubmitRequest,
    WarehouseOrder,
    WarehouseRejected,
    WarehouseUnavailable,
)
from globalmart.core.db import forbid_transaction
from globalmart.core.guard import TOO_MANY, Guard, NotSent, Passage

WSDL_PATH = Path(__file__).with_name("warehouse.wsdl")
FOLDER = WSDL_PATH.parent
# SKUs of a page, which makes half a megabyte; and what all pages of one count may take.
COUNT_LIMIT, COUNT_PAGES, COUNT_SECONDS = 5000, 40, 50.0
Read = TypeVar("Read")
# Turned away at the door or sent elsewhere: the request was not looked at, let alone applied.
NOT_APPLIED = frozenset({301, 302, 303, 307, 308, 401, 403, 404, 405, 407, 411, 413, 415, 429, 503})


class SoapWarehouse:
    """A `WarehouseGateway` over SOAP 1.1. One instance serves all threads of a process."""

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        *,
        guard: Guard | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        """Read the bundled WSDL; nothing is fetched, nothing is connected yet.

        Every call passes `guard` before it leaves; None lets all pass.
        """
        self._transport = _Transport(
            wire=Wire(
                url=url,
                username=username,
                password=password,
                deadline_seconds=deadline_seconds,
                max_answer_bytes=max_answer_bytes,
            ),
            guard=guard,
        )
        self._service = _build_service(self._transport, url)

    def submit_order(self, request: SubmitRequest) -> SubmitAnswer:
        """Hand one request over; see `WarehouseGateway`."""
        answer = self._call("SubmitOrder", translation.submit_fields(request))
        read = translation.read_submit_answer(answer)
        if read.result != "rejected" and not read.wms_number:
            raise OutcomeUnknown("The answer names no warehouse number.")
        return read

    def get_order(self, reference: str) -> WarehouseOrder | None:
        """Look one of our references up; see `WarehouseGateway`."""
        answer = self._call("GetOrder", {"reference": reference})
        if not answer.found:
            return None
        if answer.order is None or answer.order.reference != reference:
            raise OutcomeUnknown("The answer is about another order.")
        return _read(translation.read_order, answer.order)

    def list_changes(
        self, location: str, since: datetime | None, cursor: str, limit: int
    ) -> ChangePage:
        """List changed orders; see `WarehouseGateway`. Raises ValueError for a naive `since`."""
        fields: dict[str, Any] = {"location": location, "cursor": cursor, "limit": limit}
        if since is not None:
            if since.tzinfo is None:
                raise ValueError("`since` must be aware.")
            fields["since"] = since.astimezone(UTC)
        return self._page("ListChanges", fields, translation.read_page)

    def cancel_order(self, reference: str, reason: str) -> CancelAnswer:
        """Ask the warehouse to stop an order; see `WarehouseGateway`."""
        answer = self._call("CancelOrder", {"reference": reference, "reason": reason})
        return CancelAnswer(result=answer.result, message=answer.message or "")

    def stock_snapshot(self, location: str) -> StockSnapshot:
        """Fetch the latest counts; see `WarehouseGateway`."""
        ends = time.monotonic() + COUNT_SECONDS
        found: list[StockSnapshot] = []
        cursor = ""
        while cursor or not found:
            if len(found) == COUNT_PAGES or time.monotonic() > ends:
                raise OutcomeUnknown("The count does not come to its end.")
            fields = {"location": location, "cursor": cursor, "limit": COUNT_LIMIT}
            answer = self._call("StockSnapshot", fields)
            found.append(_read(translation.read_snapshot, answer))
            cursor = (answer.nextCursor or "") if answer.hasMore else ""
            if answer.hasMore and not cursor:
                raise OutcomeUnknown("The answer names no next cursor.")
        if len({(page.snapshot_id, page.as_of) for page in found}) > 1:
            raise OutcomeUnknown("The pages are of several counts.")
        items = tuple(item for page in found for item in page.items)
        return StockSnapshot(found[0].snapshot_id, found[0].as_of, items)

    def stock_deltas(self, location: str, cursor: str, limit: int) -> DeltaPage:
        """List stock changes; see `WarehouseGateway`."""
        fields = {"location": location, "cursor": cursor, "limit": limit}
        return self._page("StockDelta", fields, translation.read_deltas)

    def return_receipts(self, location: str, cursor: str, limit: int) -> ReceiptPage:
        """List returned goods; see `WarehouseGateway`."""
        fields = {"location": location, "cursor": cursor, "limit": limit}
        return self._page("ReturnReceipt", fields, translation.read_receipts)

    def close(self) -> None:
        """Close the kept connections."""
        self._transport.wire.close()

    def _page(
        self, operation: str, fields: Mapping[str, Any], translate: Callable[[Any], Read]
    ) -> Read:
        answer = self._call(operation, fields)
        if not answer.nextCursor:
            raise OutcomeUnknown("The answer names no next cursor.")
        return _read(translate, answer)

    def _call(self, operation: str, fields: Mapping[str, Any]) -> Any:
        forbid_transaction()
        self._transport.calls.is_sent = False
        try:
            return getattr(self._service, operation)(**fields)
        except (WarehouseRejected, WarehouseUnavailable, OutcomeUnknown):
            raise
        except Exception as error:
            # Whatever trips zeep: what matters is on which side of the wire it happened.
            name = type(error).__name__
            if self._transport.calls.is_sent:
                raise OutcomeUnknown(f"The answer cannot be read: {name}") from None
            raise WarehouseRejected("invalid_request", f"Cannot be written: {name}") from None


@dataclass(slots=True)
class _Answer:
    """The few attributes of an HTTP response that zeep reads."""

    content: bytes
    status_code: int = 200
    encoding: str = "utf-8"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "text/xml"})


class _Transport:
    """What zeep calls a transport: files of this folder to load, one address to post to."""

    def __init__(self, *, wire: Wire, guard: Guard | None) -> None:
        self.wire = wire
        self._guard = guard
        self.calls = threading.local()
        self._envelopes = Envelopes()

    def load(self, url: str) -> bytes:
        path = Path(url).resolve()
        if path.parent != FOLDER.resolve():
            raise ValueError("Only the bundled WSDL and XSD may be read.")
        return path.read_bytes()

    def post_xml(self, _address: str, envelope: Any, headers: Mapping[str, str]) -> _Answer:
        self._envelopes.check_request(envelope)
        body = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
        action = headers["SOAPAction"].strip('"')
        try:
            with self._guard.passage(DOOR) if self._guard else nullcontext(Passage()) as passage:
                return self._exchange(action, body, passage)
        except NotSent as refusal:
            raise WarehouseUnavailable(
                f"Held back: {refusal.code}", retry_after=refusal.retry_after
            ) from None

    def _exchange(self, action: str, body: bytes, passage: Passage) -> _Answer:
        """Send and hear. The passage hears of answers alone: whatever else ends this is a failure
        of the warehouse's, and a refusal is an answer."""
        self.calls.is_sent = True
        reply = self.wire.post(action=action, body=body)
        if reply.status == TOO_MANY:
            passage.answered(status=reply.status)
        if reply.status in NOT_APPLIED:
            raise WarehouseUnavailable(f"Turned away with HTTP status {reply.status}.")
        try:
            self._envelopes.check_answer(
                reply.body, operation=action.rpartition("/")[2], is_error=reply.status != 200
            )
        except WarehouseRejected:
            passage.answered(status=200)
            raise
        passage.answered(status=200)
        return _Answer(content=reply.body)


def _build_service(transport: _Transport, url: str) -> Any:
    # zeep takes a fifth of a second to import, and only the fulfillment worker needs it.
    import zeep  # noqa: PLC0415

    rules = zeep.Settings(
        strict=True,
        forbid_dtd=True,
        forbid_entities=True,
        forbid_external=True,
        xml_huge_tree=False,
    )
    build: Any = zeep.Client  # its types are only half there
    client = build(str(WSDL_PATH), transport=transport, settings=rules)
    return client.create_service(f"{{{NAMESPACE}}}WarehouseSoap", url)


def _read(translate: Callable[[Any], Read], value: Any) -> Read:
    try:
        return translate(value)
    except (AttributeError, TypeError, ValueError) as error:
        raise OutcomeUnknown(f"The answer cannot be read: {type(error).__name__}") from None
