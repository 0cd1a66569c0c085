"""The page for people: what arrived, newest first, and each message as its reader sees it."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

from globalmart.sandbox.messages import markup
from globalmart.sandbox.messages.store import PAGE_SIZE, Store
from globalmart.sandbox.web import App, Request, Response

ASSETS = Path(__file__).with_name("assets")
HTML = "text/html; charset=utf-8"
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self';"
        " img-src 'self' data:; frame-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
# A mail may show itself and open links in a new window; it may run nothing and reach nothing.
MAIL_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:;"
        " frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


class Pages:
    """The routes below / that a browser visits."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def join(self, app: App) -> None:
        """Add the routes to an app."""
        app.route("GET", "/")(self._index)
        app.route("GET", "/messages/{id}")(self._message)
        app.route("GET", "/messages/{id}/html")(self._html)
        app.route("GET", "/catcher.css")(_asset("catcher.css", "text/css; charset=utf-8"))
        app.route("GET", "/catcher.js")(_asset("catcher.js", "text/javascript; charset=utf-8"))

    def _index(self, request: Request) -> Response:
        return self._page(request, chosen=0)

    def _message(self, request: Request) -> Response:
        return self._page(request, chosen=_number(request.params["id"]) or -1)

    def _page(self, request: Request, *, chosen: int) -> Response:
        words = str(request.query.get("q", "")).strip()[:100]
        provider = str(request.query.get("provider", ""))
        provider = provider if provider in ("sendgrid", "twilio") else ""
        before = _number(request.query.get("before", ""))
        rows = self._store.find(words=words, provider=provider, before=before, limit=PAGE_SIZE + 1)
        message = self._store.get(chosen) if chosen else None
        query = {name: text for name, text in (("q", words), ("provider", provider)) if text}
        older = urlencode({**query, "before": rows[PAGE_SIZE - 1]["id"]}) if _is_long(rows) else ""
        body = markup.page(
            rows=rows[:PAGE_SIZE],
            message=message,
            statuses=self._store.statuses(chosen) if message else [],
            conversation=self._conversation(message),
            counts=self._store.count(),
            query=query,
            older=older,
            is_missing=bool(chosen) and message is None,
        )
        status = 404 if chosen and message is None else 200
        return Response(body.encode(), status, HTML, dict(PAGE_HEADERS))

    def _conversation(self, message: markup.Row | None) -> list[markup.Row]:
        if message is None or message["provider"] != "twilio":
            return []
        rows = list(self._store.conversation(message["recipient"]))
        return rows if any(row["id"] == message["id"] for row in rows) else [message]

    def _html(self, request: Request) -> Response:
        message = self._store.get(_number(request.params["id"]))
        if message is None:
            return Response(b"No such message.\n", 404)
        body = markup.MAIL_BASE + message["html"]
        return Response(body.encode(), 200, HTML, dict(MAIL_HEADERS))


def _is_long(rows: list[markup.Row]) -> bool:
    return len(rows) > PAGE_SIZE


def _asset(name: str, content_type: str) -> Callable[[Request], Response]:
    body = (ASSETS / name).read_bytes()
    return lambda _: Response(body, 200, content_type, {"Cache-Control": "no-cache"})


def _number(text: object) -> int:
    digits = str(text)
    return int(digits) if digits.isdecimal() and len(digits) < 16 else 0
