"""The warehouse's part of the control API: what its people would do with their hands."""

from typing import Any

from globalmart.sandbox.warehouse import habits
from globalmart.sandbox.warehouse.carriers import STATES
from globalmart.sandbox.warehouse.depot import Depot
from globalmart.sandbox.warehouse.habits import Habits, InvalidHabits
from globalmart.sandbox.warehouse.shelf import MAIN, Empty
from globalmart.sandbox.web import App, Request, Response, json_response

CONDITIONS = ("sellable", "damaged", "wrong_item", "unknown")
MOST_PIECES = 1_000_000


class Control:
    """Handlers on one depot."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    def add_to(self, app: App) -> None:
        """Register every route."""
        app.route("GET", "/_control/clock")(self._show_clock)
        app.route("POST", "/_control/clock")(self._set_clock)
        app.route("POST", "/_control/stock")(self._count)
        app.route("GET", "/_control/stock")(self._show_stock)
        app.route("POST", "/_control/deltas")(self._change_stock)
        app.route("POST", "/_control/returns")(self._take_back)
        app.route("POST", "/_control/carrier")(self._tell)
        app.route("POST", "/_control/unknown_skus")(self._set_unknown)
        app.route("GET", "/_control/habits")(self._show_habits)
        app.route("POST", "/_control/habits")(self._set_habits)
        app.route("DELETE", "/_control/habits")(self._clear_habits)

    def _show_clock(self, _: Request) -> Response:
        return json_response({"ship_after": self._depot.ship_after})

    def _set_clock(self, request: Request) -> Response:
        try:
            ship_after = float(request.json["ship_after"])
        except (ValueError, TypeError, KeyError):
            ship_after = -1.0
        if not 0 <= ship_after < float("inf"):
            return _refusal("Send {'ship_after': seconds}.")
        self._depot.set_speed(ship_after)
        return self._show_clock(request)

    def _count(self, request: Request) -> Response:
        counts = _dictionary(request)
        if counts is None or not all(type(n) is int and n >= 0 for n in counts.values()):
            return _refusal("Send {'sku': pieces, ...}.")
        self._depot.count(_location(request.query), counts)
        return json_response({"counted": len(counts)})

    def _show_stock(self, request: Request) -> Response:
        _, _, items = self._depot.snapshot(_location(request.query))
        return json_response(dict(items))

    def _change_stock(self, request: Request) -> Response:
        sent = _dictionary(request) or {}
        change, sku = sent.get("change"), sent.get("sku")
        if type(change) is not int or abs(change) > MOST_PIECES or not _is_text(sku):
            return _refusal("Send {'sku': ..., 'change': pieces, 'reason': ...}.")
        reason = str(sent.get("reason", "received"))[:100]
        try:
            number = self._depot.shelf.change(_location(sent), str(sku), change, reason)
        except Empty as error:
            return _refusal(str(error))
        return json_response({"delta_id": f"D{number:08d}"}, status=201)

    def _take_back(self, request: Request) -> Response:
        sent = _dictionary(request) or {}
        quantity, sku = sent.get("quantity"), sent.get("sku")
        condition = sent.get("condition", "sellable")
        is_good = type(quantity) is int and 0 < quantity <= MOST_PIECES and _is_text(sku)
        if not is_good or condition not in CONDITIONS:
            return _refusal("Send {'sku': ..., 'quantity': pieces, 'condition': ...}.")
        depot = self._depot
        with depot.book.writing():
            number = depot.book.append(
                "receipts",
                location=_location(sent),
                rma=str(sent.get("rma", "")),
                reference=str(sent.get("reference", "")),
                sku=sku,
                quantity=quantity,
                condition=condition,
                at=depot.ticker.tick(),
            )
        return json_response({"receipt_id": f"R{number:08d}"}, status=201)

    def _tell(self, request: Request) -> Response:
        sent = _dictionary(request) or {}
        shipment_id, state = str(sent.get("shipment_id", "")), sent.get("state")
        if state not in STATES:
            return _refusal(f"`state` is one of: {', '.join(STATES)}.")
        self._depot.advance()
        if not self._depot.tell(shipment_id, str(state)):
            return json_response({"error": "There is no such parcel."}, status=404)
        return json_response({"told": state}, status=201)

    def _set_unknown(self, request: Request) -> Response:
        choices = _dictionary(request)
        if choices is None or not all(isinstance(choice, bool) for choice in choices.values()):
            return _refusal("Send {'sku': true or false, ...}.")
        self._depot.shelf.set_unknown(choices)
        return json_response({"set": len(choices)})

    def _show_habits(self, _: Request) -> Response:
        return json_response(habits.as_json(self._depot.habits))

    def _set_habits(self, request: Request) -> Response:
        try:
            wanted = habits.read(request.json, self._depot.habits)
        except (InvalidHabits, ValueError) as error:
            return _refusal(str(error))
        self._depot.set_habits(wanted)
        return self._show_habits(request)

    def _clear_habits(self, request: Request) -> Response:
        self._depot.set_habits(Habits())
        return self._show_habits(request)


def _refusal(text: str) -> Response:
    return json_response({"error": text}, status=400)


def _location(sent: dict[str, Any]) -> str:
    return str(sent.get("location") or MAIN)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 64


def _dictionary(request: Request) -> dict[str, Any] | None:
    try:
        value = request.json
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
