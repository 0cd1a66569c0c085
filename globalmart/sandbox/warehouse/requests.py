"""Read SOAP requests: well-formed, valid by the contract's XSD, nothing else."""

import threading
from pathlib import Path
from typing import Any

from lxml import etree

from globalmart.sandbox.warehouse.answers import NAMESPACE

# The contract lives with the client that speaks it; there is one copy.
CONTRACT = Path(__file__).resolve().parents[3] / "fulfillment" / "gateways"
WSDL_PATH = CONTRACT / "warehouse.wsdl"
XSD_PATH = CONTRACT / "warehouse.xsd"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"


class InvalidMessage(Exception):
    """The client's fault; the text says what is wrong."""


class Reader:
    """Turns bytes into (operation, element). Safe between threads."""

    def __init__(self) -> None:
        self._schema = etree.XMLSchema(etree.parse(str(XSD_PATH)))
        self._turn = threading.Lock()

    def read(self, raw: bytes) -> tuple[str, Any]:
        """Return the operation's name and its element. Raises InvalidMessage."""
        if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
            raise InvalidMessage("A document type is not allowed.")
        parser = etree.XMLParser(
            encoding="utf-8", resolve_entities=False, no_network=True, remove_comments=True
        )
        try:
            envelope = etree.fromstring(raw, parser)
        except (etree.XMLSyntaxError, ValueError) as error:
            raise InvalidMessage("This is not well-formed XML.") from error
        body = envelope.find(f"{{{ENVELOPE}}}Body")
        if envelope.tag != f"{{{ENVELOPE}}}Envelope" or body is None or len(body) != 1:
            raise InvalidMessage("This is not a SOAP 1.1 envelope with one message.")
        content = body[0]
        with self._turn:
            if not self._schema.validate(content):
                errors: Any = self._schema.error_log
                raise InvalidMessage(errors[0].message)
        return etree.QName(content).localname, content


def text(element: Any, name: str) -> str:
    """Return the text of a child, or an empty string."""
    return element.findtext(f"{{{NAMESPACE}}}{name}") or ""


def child(element: Any, name: str) -> Any:
    """Return a child that the schema promises."""
    return element.find(f"{{{NAMESPACE}}}{name}")
