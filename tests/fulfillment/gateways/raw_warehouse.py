"""A warehouse made of bare sockets, which can answer as no HTTP server would."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

Script = Callable[[socket.socket, int], None]
OPEN = '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>'
CLOSE = "</soap:Body></soap:Envelope>"


def http(body: bytes | str, status: str = "200 OK", *headers: str) -> bytes:
    """Return a whole HTTP answer."""
    raw = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(raw)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


def envelope(content: str) -> str:
    """Return a SOAP envelope around a message."""
    return f"{OPEN}{content}{CLOSE}"


def not_found() -> bytes:
    """Return the shortest good answer: GetOrder found nothing."""
    return http(
        envelope(
            '<GetOrderResponse xmlns="urn:globalmart:wms:v1"><found>false</found>'
            "</GetOrderResponse>"
        )
    )


def answering(raw: bytes) -> Script:
    """Return a script that gives the same answer to everything."""
    return lambda connection, _: connection.sendall(raw)


def resetting(connection: socket.socket, _number: int) -> None:
    """Break the connection with a reset instead of answering."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class RawWarehouse:
    """Accepts connections, records whole requests, and lets `script` answer each."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/soap"
        self.requests: list[bytes] = []
        self.connections = 0
        self.open: list[socket.socket] = []
        self.latest: dict[socket.socket, bytes] = {}

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, _k: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None
    ) -> None:
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Close every connection, as an idle time-out does."""
        while self.open:
            connection = self.open.pop()
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    @property
    def bodies(self) -> list[bytes]:
        """The bodies that arrived."""
        return [request.partition(b"\r\n\r\n")[2] for request in self.requests]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            while request := _read_request(connection):
                self.latest[connection] = request
                self.requests.append(request)
                self._script(connection, len(self.requests))
        except OSError:
            return  # the client had enough


def _read_request(connection: socket.socket) -> bytes:
    raw = b""
    while b"\r\n\r\n" not in raw:
        piece = connection.recv(65536)
        if not piece:
            return b""
        raw += piece
    head, _, body = raw.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body
