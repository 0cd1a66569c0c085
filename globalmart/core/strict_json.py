"""A JSON body, read strictly: one object, UTF-8, no NaN, no name twice, bounded size and depth."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rest_framework.parsers import BaseParser

from globalmart.core.problems import Problem

# A little above 1 MiB, so that a text of exactly 1 MiB is still refused by naming its member.
MAX_BYTES = 1_048_576 + 65_536
MAX_DEPTH = 32
MAX_NUMBER_LENGTH = 40


class _Doubled(dict[str, Any]):
    """An object in which a name stood twice; `name` says which."""

    name = ""


class _NotANumber:
    """Stands where the body said NaN, Infinity or an endless number."""


def _children(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the pointer tokens and values inside an object or a list."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield key.replace("~", "~0").replace("/", "~1"), each
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield str(place), each


def _malformed(pointer: str, detail: str) -> Problem:
    return Problem(
        code="malformed_json", detail=detail, errors=[{"pointer": pointer, "detail": detail}]
    )


def _check(root: Any) -> None:
    """Refuse what the standard parser lets pass. Raises Problem with a pointer."""
    level: list[tuple[str, Any]] = [("", root)]
    for _ in range(MAX_DEPTH):
        for pointer, value in level:
            if isinstance(value, _NotANumber):
                raise _malformed(pointer, "NaN, Infinity and endless numbers are not JSON numbers.")
            if isinstance(value, _Doubled):
                raise _malformed(f"{pointer}/{value.name}", "This name appears twice.")
        level = [
            (f"{pointer}/{token}", each)
            for pointer, value in level
            if value.__class__ not in _LEAVES
            for token, each in _children(value)
        ]
        if not level:
            return
    raise _malformed(level[0][0], f"The body is nested deeper than {MAX_DEPTH} levels.")


_LEAVES = frozenset({str, int, bool, float, type(None)})


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object, marked when a name stood twice in it."""
    made = dict(pairs)
    if len(made) == len(pairs):
        return made
    doubled = _Doubled(made)
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            doubled.name = name
            break
        seen.add(name)
    return doubled


def _integer(text: str) -> int | _NotANumber:
    return int(text) if len(text) <= MAX_NUMBER_LENGTH else _NotANumber()


def _constant(text: str) -> _NotANumber:
    return _NotANumber()


_decoder = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)


def parse(raw: bytes) -> dict[str, Any]:
    """Return the object that a body holds. Raises Problem (400 malformed_json)."""
    try:
        value = _decoder.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _malformed("", f"The body is not UTF-8: byte {error.start}.") from error
    except RecursionError as error:
        raise _malformed("", f"The body is nested deeper than {MAX_DEPTH} levels.") from error
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise _malformed("", f"{error.msg}: {where}.") from error
    if not isinstance(value, dict):
        raise _malformed("", "The body must be one JSON object.")
    _check(value)
    return value


class StrictJSONParser(BaseParser):
    """REST framework's parser for `application/json` by the rules of this module."""

    media_type = "application/json"

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the object in the stream. Raises Problem: too_large, malformed_json."""
        # The length is known before a byte is read: a large body is not read at all.
        announced = int(stream.META.get("CONTENT_LENGTH") or 0)
        raw = b"" if announced > MAX_BYTES else stream.read(MAX_BYTES + 1)
        if announced > MAX_BYTES or len(raw) > MAX_BYTES:
            raise Problem(code="too_large", detail="The body is larger than 1 MiB.")
        return parse(raw)
