"""SOAP envelopes on both ways through the door: parsed without mercy, checked against the XSD.

zeep sends what it is given and turns what it cannot read into None, so neither side is trusted
to it. What a message says is never put into an error text: it holds names and addresses.
"""

import re
import threading
from pathlib import Path
from typing import Any

from lxml import etree

from fulfillment.gateways.wms import EntryUnreadable, OutcomeUnknown, WarehouseRejected

NAMESPACE = "urn:globalmart:wms:v1"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
XSD_PATH = Path(__file__).with_name("warehouse.xsd")
PREFIX = re.compile(r"\b[\w-]+:")
# What a code looks like; anything else may be a sentence with a name in it.
CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
MESSAGE_LENGTH = 300


class Envelopes:
    """Checks requests before they leave and answers before anybody reads them."""

    def __init__(self) -> None:
        self._schema = etree.XMLSchema(etree.parse(str(XSD_PATH)))
        # One schema object keeps one error log, so its users take turns; a check is quick.
        self._turn = threading.Lock()

    def check_request(self, envelope: Any) -> None:
        """Check an envelope that is about to leave. Raises WarehouseRejected."""
        flaw = self._flaw(envelope[-1][0])
        if flaw:
            raise WarehouseRejected("invalid_request", flaw)

    def check_answer(self, raw: bytes, *, operation: str, is_error: bool) -> None:
        """Check an answer to `operation`; `is_error` says that its HTTP status was not 200.

        Raises WarehouseRejected for a fault that blames us, OutcomeUnknown for every other fault
        and for whatever is not exactly one well-formed, valid answer of that operation:
        EntryUnreadable where it is a page of changes whose one entry alone is not valid.
        """
        body = _parse_body(raw)
        content = body[0]
        if content.tag == f"{{{ENVELOPE}}}Fault":
            raise _fault(content)
        if is_error:
            raise OutcomeUnknown("An error status came with an answer that is no fault.")
        if content.tag != f"{{{NAMESPACE}}}{operation}Response":
            raise OutcomeUnknown(f"The answer does not belong to {operation}.")
        flaw = self._flaw(content)
        if flaw:
            message = f"The answer breaks the schema at {flaw}"
            raise self._one_entry(content, message) or OutcomeUnknown(message)

    def _one_entry(self, content: Any, message: str) -> EntryUnreadable | None:
        """Say what is left of a page of changes without its one entry, None if that is no page."""
        entries = content.findall(f"{{{NAMESPACE}}}orders/{{{NAMESPACE}}}order")
        if len(entries) != 1:
            return None
        entries[0].getparent().remove(entries[0])
        cursor = content.findtext(f"{{{NAMESPACE}}}nextCursor")
        if self._flaw(content) or not cursor:
            return None
        reference = (entries[0].findtext(f"{{{NAMESPACE}}}reference") or "").strip()
        return EntryUnreadable(
            message,
            reference=reference if CODE.fullmatch(reference) else "",
            next_cursor=cursor,
            has_more=content.findtext(f"{{{NAMESPACE}}}hasMore").strip() in {"true", "1"},
        )

    def _flaw(self, content: Any) -> str:
        with self._turn:
            if self._schema.validate(content):
                return ""
            errors: Any = self._schema.error_log
            first = errors[0] if len(errors) else None
        if first is None:
            return "an unnamed place"
        return f"{PREFIX.sub('', first.path or '')}: {first.type_name}"


def _parse_body(raw: bytes) -> Any:
    # Refused before the parser sees them: a document type can make a small text explode, and
    # neither it nor a processing instruction has any business in a SOAP message.
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw or raw.find(b"<?", 2) != -1:
        raise OutcomeUnknown("The answer holds a document type or a processing instruction.")
    # A parser belongs to one thread; making one is cheap. The encoding is fixed, so that no
    # other one can hide a document type from the look above.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
    )
    try:
        envelope = etree.fromstring(raw, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        # The error text quotes the message, so the cause is cut off.
        raise OutcomeUnknown(f"The answer is not XML: {type(error).__name__}") from None
    body = envelope.find(f"{{{ENVELOPE}}}Body")
    if envelope.tag != f"{{{ENVELOPE}}}Envelope" or body is None or len(body) != 1:
        raise OutcomeUnknown("The answer is not a SOAP 1.1 envelope with one message.")
    return body


def _fault(fault: Any) -> WarehouseRejected | OutcomeUnknown:
    faultcode = (fault.findtext("faultcode") or "").rpartition(":")[2].strip()
    named = (fault.findtext(f".//{{{NAMESPACE}}}code") or faultcode).strip()
    code = named if CODE.fullmatch(named) else "unknown"
    if faultcode.partition(".")[0] == "Client":
        message = fault.findtext("faultstring") or ""
        return WarehouseRejected(code, message[:MESSAGE_LENGTH])
    return OutcomeUnknown(f"The warehouse reported a fault of its own: {code}")
