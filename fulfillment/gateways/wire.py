"""HTTP POST to one address with a wall-clock deadline and a size cap, and nothing else.

Why not a general HTTP client: their time-outs restart at every byte, so an answer that drips can
hold a worker for hours, and their retries and redirects blur whether a request left this machine.
Here each failure is either "certainly not applied" or "may have been applied".
"""

import base64
import http.client
import io
import os
import select
import socket
import ssl
import time
from collections import deque
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fulfillment.gateways.wms import OutcomeUnknown, WarehouseUnavailable

DEADLINE_SECONDS = 25.0
CONNECT_SECONDS = 5.0
MAX_ANSWER_BYTES = 1_000_000
IDLE_SECONDS = 20.0
IDLE_CONNECTIONS = 16
PIECE_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer read to its end, whatever its status."""

    status: int
    body: bytes


class Wire:
    """Posts to one address over kept connections; safe between threads and after a fork."""

    def __init__(
        self,
        *,
        url: str,
        username: str,
        password: str,
        deadline_seconds: float = DEADLINE_SECONDS,
        max_answer_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("The warehouse's address must begin with http:// or https://")
        self._address = (parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme])
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._deadline_seconds = deadline_seconds
        self._max_answer_bytes = max_answer_bytes
        self._head = _request_head(parts.netloc.rpartition("@")[2], parts, username, password)
        self._idle: deque[tuple[socket.socket, float]] = deque()
        self._owner = os.getpid()

    def post(self, *, action: str, body: bytes) -> Reply:
        """Send `body` (XML) under the SOAP action and return the answer.

        Raises WarehouseUnavailable when not one byte left, OutcomeUnknown for every failure after
        that. A request is never sent twice: not after a reset, not on a stale connection.
        """
        deadline = time.monotonic() + self._deadline_seconds
        connection = self._connection(deadline)
        head = f'{self._head}SOAPAction: "{action}"\r\nContent-Length: {len(body)}\r\n\r\n'
        try:
            connection.settimeout(_left(deadline))
            connection.sendall(head.encode("ascii") + body)
            reply, is_reusable = self._read(connection, deadline)
        except (OSError, http.client.HTTPException, ValueError) as error:
            connection.close()
            # The cause may quote the answer, so it is cut off.
            raise OutcomeUnknown(f"No whole answer came: {type(error).__name__}") from None
        except BaseException:
            connection.close()
            raise
        if is_reusable:
            self._keep(connection)
        else:
            connection.close()
        return reply

    def close(self) -> None:
        """Close the connections that are kept."""
        while self._idle:
            self._idle.pop()[0].close()

    def _connection(self, deadline: float) -> socket.socket:
        if self._owner != os.getpid():
            # The parent process goes on using these connections: our copies must go unread.
            self._owner = os.getpid()
            self._idle = deque()
        oldest = time.monotonic() - IDLE_SECONDS
        while True:
            try:
                kept, used_at = self._idle.pop()
            except IndexError:
                return self._connect(deadline)
            if used_at > oldest and not _is_readable(kept):
                return kept
            kept.close()

    def _connect(self, deadline: float) -> socket.socket:
        seconds = min(CONNECT_SECONDS, _left(deadline))
        try:
            connection = socket.create_connection(self._address, timeout=seconds)
        except OSError as error:
            raise WarehouseUnavailable(f"No connection: {type(error).__name__}") from error
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                return self._tls.wrap_socket(connection, server_hostname=self._address[0])
        except OSError as error:
            connection.close()
            raise WarehouseUnavailable(f"No TLS session: {type(error).__name__}") from error
        return connection

    def _keep(self, connection: socket.socket) -> None:
        if len(self._idle) >= IDLE_CONNECTIONS:
            connection.close()
        else:
            self._idle.append((connection, time.monotonic()))

    def _read(self, connection: socket.socket, deadline: float) -> tuple[Reply, bool]:
        timed: Any = _TimedSocket(connection, deadline)
        response = http.client.HTTPResponse(timed, method="POST")
        try:
            response.begin()
            body = self._read_body(response)
            is_whole = response.length == 0 or response.isclosed()
            is_reusable = is_whole and not response.will_close
            return Reply(response.status, body), is_reusable
        finally:
            response.close()

    def _read_body(self, response: http.client.HTTPResponse) -> bytes:
        if response.getheader("Content-Encoding", "identity") != "identity":
            raise OutcomeUnknown("The answer is compressed, which was not offered.")
        pieces, size = [], 0
        while piece := response.read1(PIECE_BYTES):
            size += len(piece)
            if size > self._max_answer_bytes:
                raise OutcomeUnknown(f"The answer is larger than {self._max_answer_bytes} bytes.")
            pieces.append(piece)
        if response.length:
            raise OutcomeUnknown(f"The answer ended {response.length} bytes early.")
        return b"".join(pieces)


class _TimedSocket:
    """The reading half of a socket, as http.client wants it, with one deadline for all reads."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._reader = _TimedReader(connection, deadline)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._reader, PIECE_BYTES)


class _TimedReader(io.RawIOBase):
    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self._connection = connection
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._connection.settimeout(_left(self._deadline))
        return self._connection.recv_into(buffer)


def _left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("The deadline has passed.")
    return seconds


def _is_readable(connection: socket.socket) -> bool:
    """An idle connection that has something to read was closed, or is out of step."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def _request_head(host: str, parts: Any, username: str, password: str) -> str:
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    credentials = base64.b64encode(f"{username}:{password}".encode()).decode("ascii")
    return (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\n"
        f"Authorization: Basic {credentials}\r\n"
        "User-Agent: GlobalMart-OMS\r\nAccept: text/xml\r\nAccept-Encoding: identity\r\n"
        "Content-Type: text/xml; charset=utf-8\r\n"
    )
