"""A WSGI toolkit of the size that pretended vendors need: routes, forms, faults, control API."""

import json
import re
import socket
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property, partial
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from globalmart.sandbox.faults import Dropped, Faults, InvalidFault, Plan
from globalmart.sandbox.forms import nested

MAX_BODY_BYTES = 4 * 1024 * 1024


class Request:
    """One HTTP request, with the faults drawn for it in `plan`."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self.environ = environ
        self.method: str = environ["REQUEST_METHOD"]
        self.path: str = environ.get("PATH_INFO") or "/"
        self.params: dict[str, str] = {}
        self.operation = ""
        self.plan: Plan = Plan.NONE

    def header(self, name: str, default: str = "") -> str:
        """Return a header by its usual name, or `default`."""
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        value: str = self.environ.get(key, default)
        return value

    @cached_property
    def body(self) -> bytes:
        """The raw body. Raises ValueError for more than MAX_BODY_BYTES, and Dropped for less than
        was announced: whoever died while sending has asked for nothing."""
        length = int(self.header("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            raise ValueError("body too large")
        body: bytes = self.environ["wsgi.input"].read(length) if length else b""
        if len(body) < length:
            raise Dropped
        return body

    @cached_property
    def query(self) -> dict[str, Any]:
        """The query string as nested dictionaries and lists."""
        return nested(self.environ.get("QUERY_STRING", ""))

    @cached_property
    def form(self) -> dict[str, Any]:
        """The form-encoded body as nested dictionaries and lists."""
        return nested(self.body.decode("utf-8", "replace"))

    @cached_property
    def json(self) -> Any:
        """The body decoded from JSON. Raises ValueError."""
        return json.loads(self.body)


@dataclass(slots=True)
class Response:
    """One HTTP answer. `pieces` are sent instead of `body` where it is too large or too slow to
    be had at once; `length` is then how long they are together."""

    body: bytes = b""
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Iterable[bytes] | None = None
    length: int = 0


def json_response(value: Any, *, status: int = 200, **headers: str) -> Response:
    """Return `value` as JSON; an underscore in a header's name stands for a hyphen."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    body = json.dumps(value, separators=(",", ":")).encode()
    return Response(body, status, "application/json", named)


Handler = Callable[[Request], Response]
Namer = Callable[[Request], str]


@dataclass(slots=True, frozen=True)
class Route:
    """A method and path pattern; `operation` is the name that faults know it by."""

    method: str
    pattern: re.Pattern[str]
    handler: Handler
    operation: str | Namer


class App:
    """Routes requests to handlers, applies faults and serves the control API.

    A vendor subclasses it to give its own error bodies (`problem`), to put something around each
    call (`perform`), or to add headers to each answer (`finish`).
    """

    def __init__(self) -> None:
        self.faults = Faults()
        self._fixed: dict[tuple[str, str], Route] = {}
        self._patterns: list[Route] = []
        self.route("GET", "/_control/health")(lambda _: json_response({"status": "ok"}))
        self.route("POST", "/_control/faults")(self._add_fault)
        self.route("GET", "/_control/faults")(self._list_faults)
        self.route("DELETE", "/_control/faults")(self._clear_faults)
        self.route("POST", "/_control/latency")(self._set_latency)

    def route(
        self, method: str, path: str, operation: str | Namer = ""
    ) -> Callable[[Handler], Handler]:
        """Register a handler; `{name}` in the path matches one segment into `request.params`."""

        def register(handler: Handler) -> Handler:
            pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + r"\Z")
            route = Route(method, pattern, handler, operation)
            if "{" in path:
                self._patterns.append(route)
            else:
                self._fixed[method, path] = route
            return handler

        return register

    def problem(self, request: Request, status: int, message: str) -> Response:
        """Return an error answer in the vendor's own shape."""
        return json_response({"error": message}, status=status)

    def perform(self, request: Request, handler: Handler) -> Response:
        """Carry out one call with the faults that belong before and into it."""
        request.plan.wait()
        refused = request.plan.has("error_before")
        if refused:
            return self.problem(request, refused.status or 503, "Refused by a sandbox fault.")
        response = handler(request)
        failed = request.plan.has("error_after_apply")
        if failed:
            return self.problem(request, failed.status or 500, "Failed by a sandbox fault.")
        return response

    def subject_of(self, request: Request) -> int | str | None:
        """Return what a call is about, for faults meant for one payment or one order."""
        return None

    def finish(self, request: Request, response: Response) -> Response:
        """Have a last look at every answer."""
        return response

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer one WSGI call."""
        request = Request(environ)
        try:
            response = self.finish(request, self.respond(request))
        except Dropped:
            _hang_up(environ)
            response = Response(status=500)
        headers = [
            ("Content-Type", response.content_type),
            ("Content-Length", str(response.length or len(response.body))),
            *response.headers.items(),
        ]
        start_response(_status_line(response.status), headers)
        if request.method == "HEAD":
            return []
        return [response.body] if response.pieces is None else response.pieces

    def respond(self, request: Request) -> Response:
        """Find the route, draw the faults and carry out the call. Raises Dropped."""
        route = self._match(request)
        if route is None:
            return self.problem(request, 404, f"No such route: {request.method} {request.path}")
        try:
            if request.path.startswith("/_control/"):
                return route.handler(request)
            named = route.operation
            request.operation = named if isinstance(named, str) else named(request)
            # A route without a name (a page, a script) is beyond the faults.
            if request.operation:
                subject = partial(self.subject_of, request)
                request.plan = self.faults.plan(request.operation, subject)
            response = self.perform(request, route.handler)
            request.plan.lose_answer()
        except Dropped:
            raise
        except Exception:
            traceback.print_exc()
            return self.problem(request, 500, "The sandbox itself failed; its log says where.")
        return response

    def _match(self, request: Request) -> Route | None:
        method = "GET" if request.method == "HEAD" else request.method
        route = self._fixed.get((method, request.path))
        if route is not None:
            return route
        for route in self._patterns:
            found = route.pattern.match(request.path) if route.method == method else None
            if found:
                request.params = {key: unquote(text) for key, text in found.groupdict().items()}
                return route
        return None

    def _add_fault(self, request: Request) -> Response:
        try:
            return json_response(self.faults.add(request.json).as_json(), status=201)
        except (InvalidFault, ValueError) as error:
            return json_response({"error": str(error)}, status=400)

    def _list_faults(self, _: Request) -> Response:
        return json_response({"faults": self.faults.listed(), "latency": self.faults.latency})

    def _clear_faults(self, _: Request) -> Response:
        self.faults.clear()
        return json_response({"faults": []})

    def _set_latency(self, request: Request) -> Response:
        try:
            seconds = float(request.json["seconds"])
        except (ValueError, TypeError, KeyError):
            return json_response({"error": "Send {'seconds': number}."}, status=400)
        self.faults.latency = max(0.0, seconds)
        return json_response({"seconds": self.faults.latency})


def _status_line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _hang_up(environ: dict[str, Any]) -> None:
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # the other side was faster
