"""Free TCP ports on the loopback address."""

import socket

LOOPBACK = "127.0.0.1"


class PortTaken(Exception):
    """A port that was asked for by name belongs to another program."""


def is_free(port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As servers do: a port whose last connections linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def next_free(*, start: int, taken: frozenset[int] = frozenset(), tries: int = 200) -> int:
    """Return the first free port from `start` up that is not in `taken`. Raises PortTaken."""
    for port in range(start, min(start + tries, 65536)):
        if port not in taken and is_free(port):
            return port
    raise PortTaken(f"No port from {start} to {start + tries - 1} is free. Set PORT to a free one.")


def any_free(*, count: int) -> list[int]:
    """Return `count` different ports that the system says are free."""
    probes = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for probe in probes:
            probe.bind((LOOPBACK, 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def asked_for(value: str) -> int:
    """Return the port that the variable PORT names. Raises PortTaken if it cannot be had."""
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise PortTaken(f"PORT={value} is not a port: set a number from 1024 to 65535.")
    if not is_free(int(value)):
        raise PortTaken(
            f"Port {value} is taken by another program. Stop that, set another PORT, "
            "or leave PORT out and the next free one is used."
        )
    return int(value)
