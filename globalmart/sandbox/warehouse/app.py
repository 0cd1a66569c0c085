"""The warehouse on the wire: SOAP at /soap."""

import base64
import hmac
import math
import re
from datetime import datetime
from typing import Any

from lxml import etree

from globalmart.sandbox.book import Book
from globalmart.sandbox.faults import Plan
from globalmart.sandbox.warehouse import answers, orderlist
from globalmart.sandbox.warehouse.control import Control
from globalmart.sandbox.warehouse.depot import Depot
from globalmart.sandbox.warehouse.habits import Habits
from globalmart.sandbox.warehouse.papers import Order
from globalmart.sandbox.warehouse.requests import (
    WSDL_PATH,
    XSD_PATH,
    InvalidMessage,
    Reader,
    child,
    text,
)
from globalmart.sandbox.warehouse.spoiling import spoil
from globalmart.sandbox.web import App, Handler, Request, Response

XML = "text/xml; charset=utf-8"
REFERENCE = re.compile(rb"<(?:\w+:)?reference>([^<]+)<")
LAG_SECONDS = 30.0
# How many earlier entries a list repeats.
REPEATED = 20
KEPT_COUNTS = 8


class WarehouseApp(App):
    """Answers the seven operations of the contract."""

    def __init__(
        self,
        book: Book,
        *,
        ship_after: float,
        username: str,
        password: str,
        usual: Habits | None = None,
    ) -> None:
        super().__init__()
        self.depot = Depot(book, ship_after=ship_after, usual=usual)
        self._book = book
        identity = book.one("SELECT book_id FROM identity")
        self._book_id = identity["book_id"] if identity else ""
        token = base64.b64encode(f"{username}:{password}".encode()).decode()
        self._authorization = f"Basic {token}"
        self._reader = Reader()
        # The latest counts, whose pages may still be asked for.
        self._counts: dict[str, tuple[float, list[tuple[str, int]]]] = {}
        self.route("POST", "/soap", operation=_operation)(self._soap)
        self.route("GET", "/soap")(lambda _: Response(WSDL_PATH.read_bytes(), 200, XML))
        self.route("GET", "/warehouse.xsd")(lambda _: Response(XSD_PATH.read_bytes(), 200, XML))
        Control(self.depot).add_to(self)

    def problem(self, request: Request, status: int, message: str) -> Response:
        """Return a Server fault, whatever was asked for."""
        return Response(answers.fault("Server", "internal", message), status, XML)

    def subject_of(self, request: Request) -> str | None:
        """Return the reference that a call names."""
        found = REFERENCE.search(request.body)
        return found[1].decode() if found else None

    def perform(self, request: Request, handler: Handler) -> Response:
        """Carry out one call with all its faults."""
        return spoil(super().perform(request, handler), request.plan)

    def _soap(self, request: Request) -> Response:
        if not hmac.compare_digest(request.header("Authorization"), self._authorization):
            refusal = {"WWW-Authenticate": 'Basic realm="warehouse"'}
            return Response(b"Who are you?\n", 401, headers=refusal)
        try:
            operation, message = self._reader.read(request.body)
            content = _OPERATIONS[operation](self, message, request.plan)
        except (InvalidMessage, KeyError, ValueError) as error:
            reason = str(error) if isinstance(error, InvalidMessage) else "Cannot be understood."
            return Response(answers.fault("Client", "invalid_request", reason), 500, XML)
        return Response(answers.message(operation, content), 200, XML)

    def submit_order(self, message: Any, plan: Plan) -> str:
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
                location=text(message, "location"),
                promised_on=text(message, "promisedOn"),
            ),
            accepts_twice=plan.has("accepts_twice") is not None,
        )
        return answers.elements(
            result=receipt.result,
            wmsNumber=receipt.wms_number,
            code=receipt.code,
            message=receipt.message,
        )

    def get_order(self, message: Any, plan: Plan) -> str:
        """GetOrder."""
        self.depot.advance()
        order = orderlist.order(
            self._book, text(message, "reference"), hidden_since=self._hidden_since(plan)
        )
        return answers.elements(found="false" if order is None else "true") + (order or "")

    def cancel_order(self, message: Any, plan: Plan) -> str:
        """CancelOrder."""
        reference = text(message, "reference")
        since = self._hidden_since(plan)
        if since < math.inf and orderlist.order(self._book, reference, hidden_since=since) is None:
            return answers.elements(result="not_found", message="No such order.")
        result, why = self.depot.cancel(reference)
        return answers.elements(result=result, message=why)

    def list_changes(self, message: Any, plan: Plan) -> str:
        """ListChanges."""
        self.depot.advance()
        location, limit = text(message, "location"), int(text(message, "limit"))
        after = self._after(text(message, "cursor"))
        if after is None:
            after = self._start(text(message, "since"))
        found = orderlist.page(
            self._book,
            location=location,
            after=after,
            limit=limit,
            hidden_since=self._hidden_since(plan),
        )
        pieces = found.pieces
        if plan.has("omit"):
            pieces = pieces[1:]
        if plan.has("duplicate"):
            before = orderlist.page(
                self._book, location=location, after=max(0, after - REPEATED), limit=REPEATED
            )
            pieces = [*before.pieces, *pieces, *pieces[:REPEATED]]
        shuffled = plan.has("reorder")
        if shuffled:
            pieces = [*pieces, *orderlist.history(self._book, found.references)]
            shuffled.dice.shuffle(pieces)
        end = answers.end(self._cursor(found.last), more=found.more)
        return f"<orders>{''.join(pieces)}</orders>{end}"

    def stock_snapshot(self, message: Any, _plan: Plan) -> str:
        """StockSnapshot."""
        count_id, _, start = text(message, "cursor").rpartition(".")
        if not count_id:
            count_id, at, items = self.depot.snapshot(text(message, "location"))
            self._counts[count_id] = at, items
            for old in list(self._counts)[:-KEPT_COUNTS]:
                self._counts.pop(old, None)
        at, items = self._counts[count_id]
        first = int(start or 0)
        last = first + int(text(message, "limit"))
        about = answers.elements(snapshotId=count_id, asOf=answers.instant(at))
        end = answers.end(f"{count_id}.{last}", more=last < len(items))
        return about + answers.stock_items(items[first:last]) + end

    def stock_delta(self, message: Any, _plan: Plan) -> str:
        """StockDelta."""
        content, last, more = answers.deltas(self._book, **self._wanted(message))
        return content + answers.end(self._cursor(last), more=more)

    def return_receipt(self, message: Any, _plan: Plan) -> str:
        """ReturnReceipt."""
        content, last, more = answers.receipts(self._book, **self._wanted(message))
        return content + answers.end(self._cursor(last), more=more)

    def _wanted(self, message: Any) -> dict[str, Any]:
        return {
            "location": text(message, "location"),
            "after": self._after(text(message, "cursor")) or 0,
            "limit": int(text(message, "limit")),
        }

    def _hidden_since(self, plan: Plan) -> float:
        lag = plan.has("lag")
        if lag is None:
            return math.inf
        return self.depot.ticker.look() - (LAG_SECONDS if lag.seconds is None else lag.seconds)

    def _cursor(self, position: int) -> str:
        return f"{self._book_id}.{position}"

    def _after(self, cursor: str) -> int | None:
        """Return where a cursor stands, None without one."""
        if not cursor:
            return None
        # A cursor of another book (this one was begun anew) means nothing here.
        book_id, _, position = cursor.partition(".")
        return int(position) if book_id == self._book_id and position.isdecimal() else 0

    def _start(self, since: str) -> int:
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


_OPERATIONS = {
    "SubmitOrder": WarehouseApp.submit_order,
    "GetOrder": WarehouseApp.get_order,
    "CancelOrder": WarehouseApp.cancel_order,
    "ListChanges": WarehouseApp.list_changes,
    "StockSnapshot": WarehouseApp.stock_snapshot,
    "StockDelta": WarehouseApp.stock_delta,
    "ReturnReceipt": WarehouseApp.return_receipt,
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
