"""The warehouse on the wire: SOAP at /soap, and its own part of the control API."""

import base64
import hmac
import time
from datetime import datetime
from typing import Any

from lxml import etree

from globalmart.sandbox.book import Book
from globalmart.sandbox.warehouse import answers
from globalmart.sandbox.warehouse.depot import Depot, Order
from globalmart.sandbox.warehouse.requests import (
    WSDL_PATH,
    XSD_PATH,
    InvalidMessage,
    Reader,
    child,
    text,
)
from globalmart.sandbox.web import App, Request, Response, json_response

XML = "text/xml; charset=utf-8"


class WarehouseApp(App):
    """Answers the five operations of the contract."""

    def __init__(self, book: Book, *, ship_after: float, username: str, password: str) -> None:
        super().__init__()
        self.depot = Depot(book, ship_after=ship_after)
        self._book = book
        identity = book.one("SELECT book_id FROM identity")
        self._book_id = identity["book_id"] if identity else ""
        token = base64.b64encode(f"{username}:{password}".encode()).decode()
        self._authorization = f"Basic {token}"
        self._reader = Reader()
        self.route("POST", "/soap", operation=_operation)(self._soap)
        self.route("GET", "/soap")(lambda _: Response(WSDL_PATH.read_bytes(), 200, XML))
        self.route("GET", "/warehouse.xsd")(lambda _: Response(XSD_PATH.read_bytes(), 200, XML))
        self.route("GET", "/_control/clock")(self._show_clock)
        self.route("POST", "/_control/clock")(self._set_clock)
        self.route("POST", "/_control/stock")(self._set_stock)
        self.route("POST", "/_control/unknown_skus")(self._set_unknown)

    def problem(self, request: Request, status: int, message: str) -> Response:
        """Return a Server fault, whatever was asked for."""
        return Response(answers.fault("Server", "internal", message), status, XML)

    def _soap(self, request: Request) -> Response:
        if not hmac.compare_digest(request.header("Authorization"), self._authorization):
            refusal = {"WWW-Authenticate": 'Basic realm="warehouse"'}
            return Response(b"Who are you?\n", 401, headers=refusal)
        try:
            operation, message = self._reader.read(request.body)
            content = _OPERATIONS[operation](self, message)
        except (InvalidMessage, KeyError, ValueError) as error:
            reason = str(error) if isinstance(error, InvalidMessage) else "Cannot be understood."
            return Response(answers.fault("Client", "invalid_request", reason), 500, XML)
        return Response(answers.message(operation, content), 200, XML)

    def submit_order(self, message: Any) -> str:
        """SubmitOrder."""
        receipt = self.depot.submit(
            Order(
                reference=text(message, "reference"),
                sequence=int(text(message, "sequence")),
                order_number=text(message, "orderNumber"),
                service=text(message, "service"),
                ship_to={
                    etree.QName(part).localname: part.text or ""
                    for part in child(message, "shipTo")
                },
                lines=[_line(line) for line in child(message, "lines")],
            )
        )
        return answers.elements(
            result=receipt.result,
            wmsNumber=receipt.wms_number,
            code=receipt.code,
            message=receipt.message,
        )

    def get_order(self, message: Any) -> str:
        """GetOrder."""
        self.depot.advance()
        order = answers.order(self._book, text(message, "reference"))
        return answers.elements(found="false" if order is None else "true") + (order or "")

    def cancel_order(self, message: Any) -> str:
        """CancelOrder."""
        result, why = self.depot.cancel(text(message, "reference"))
        return answers.elements(result=result, message=why)

    def list_changes(self, message: Any) -> str:
        """ListChanges."""
        self.depot.advance()
        after = self._start(text(message, "cursor"), text(message, "since"))
        orders, last, more = answers.page(
            self._book, after=after, limit=int(text(message, "limit"))
        )
        rest = answers.elements(
            nextCursor=f"{self._book_id}.{last}", hasMore="true" if more else "false"
        )
        return f"<orders>{orders}</orders>{rest}"

    def stock_snapshot(self, _message: Any) -> str:
        """StockSnapshot."""
        snapshot_id, at, items = self.depot.shelf.snapshot()
        as_of = answers.instant(time.time() if at is None else at)
        return answers.elements(snapshotId=snapshot_id, asOf=as_of) + answers.stock_items(items)

    def _start(self, cursor: str, since: str) -> int:
        book_id, _, position = cursor.partition(".")
        if cursor:
            # A cursor of another book (this one was begun anew) means nothing here.
            is_ours = book_id == self._book_id and position.isdecimal()
            return int(position) if is_ours else 0
        if not since:
            return 0
        row = self._book.one(
            "SELECT min(position) AS position FROM changes WHERE at >= ?",
            (datetime.fromisoformat(since).timestamp(),),
        )
        if row and row["position"]:
            return int(row["position"]) - 1
        last = self._book.one("SELECT max(position) AS position FROM changes")
        return int(last["position"] or 0) if last else 0

    def _show_clock(self, _: Request) -> Response:
        return json_response({"ship_after": self.depot.ship_after})

    def _set_clock(self, request: Request) -> Response:
        try:
            ship_after = float(request.json["ship_after"])
        except (ValueError, TypeError, KeyError):
            ship_after = -1.0
        if not 0 <= ship_after < float("inf"):
            return json_response({"error": "Send {'ship_after': seconds}."}, status=400)
        self.depot.set_speed(ship_after)
        return self._show_clock(request)

    def _set_stock(self, request: Request) -> Response:
        counts = _dictionary(request)
        if counts is None or not all(type(n) is int and n >= 0 for n in counts.values()):
            return json_response({"error": "Send {'sku': pieces, ...}."}, status=400)
        self.depot.shelf.count(counts, now=time.time())
        return json_response({"counted": len(counts)})

    def _set_unknown(self, request: Request) -> Response:
        choices = _dictionary(request)
        if choices is None or not all(isinstance(choice, bool) for choice in choices.values()):
            return json_response({"error": "Send {'sku': true or false, ...}."}, status=400)
        self.depot.shelf.set_unknown(choices)
        return json_response({"set": len(choices)})


_OPERATIONS = {
    "SubmitOrder": WarehouseApp.submit_order,
    "GetOrder": WarehouseApp.get_order,
    "CancelOrder": WarehouseApp.cancel_order,
    "ListChanges": WarehouseApp.list_changes,
    "StockSnapshot": WarehouseApp.stock_snapshot,
}


def _operation(request: Request) -> str:
    return request.header("SOAPAction").strip('"').rpartition("/")[2] or "unknown"


def _line(line: Any) -> dict[str, str | int]:
    return {
        "lineNo": int(line.get("lineNo")),
        "sku": line.get("sku"),
        "name": line.get("name"),
        "quantity": int(line.get("quantity")),
    }


def _dictionary(request: Request) -> dict[str, Any] | None:
    try:
        value = request.json
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
