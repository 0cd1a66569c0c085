"""What can go wrong when a message is handed to a provider, by what is to be done about it.

No text of these errors holds an address, a number or a word of the message.
"""

from collections.abc import Iterator

NEVER_CONNECTED = frozenset(
    {"NewConnectionError", "NameResolutionError", "ConnectTimeout", "ConnectTimeoutError"}
)
# Wrong credentials are ours to mend, not the message's fault: it may go once they are mended.
NOT_SENT = frozenset({301, 302, 303, 307, 308, 401, 403, 405, 407, 408, 429, 503})


class MessageRefused(Exception):
    """Definitely not sent, and never will be as it is: bad address, bad content."""


class MessageDeferred(Exception):
    """Definitely not sent, for a reason that may pass: try again later."""


class MessageUnknown(Exception):
    """The provider may have it or not; sending again may send it twice."""


def error_for_status(provider: str, status: int, code: object = None) -> Exception:
    """Return the error that an HTTP status other than 2xx stands for."""
    detail = f"{provider} answered {status}" + (f", code {code}" if code else "")
    if status in NOT_SENT:
        return MessageDeferred(detail)
    if 400 <= status < 500:
        return MessageRefused(detail)
    return MessageUnknown(detail)


def error_for_break(provider: str, error: BaseException) -> Exception:
    """Return the error that a broken or silent connection stands for."""
    # urllib3 keeps the reason inside other errors; only a connection never made is harmless.
    names = {type(link).__name__ for link in _chain(error)}
    detail = f"{provider}: {type(error).__name__}"
    if names & NEVER_CONNECTED:
        return MessageDeferred(detail)
    return MessageUnknown(detail)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        link = todo.pop()
        if isinstance(link, BaseException) and link not in seen:
            seen.append(link)
            yield link
            todo += [link.__cause__, link.__context__, getattr(link, "reason", None), *link.args]
