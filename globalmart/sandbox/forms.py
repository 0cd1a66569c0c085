"""Decode form bodies and query strings whose names nest by brackets."""

from typing import Any
from urllib.parse import parse_qsl


def nested(encoded: str) -> dict[str, Any]:
    """Decode `a[b][0]=x&a[c]=y` into {"a": {"b": ["x"], "c": "y"}}."""
    root: dict[str, Any] = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        head, *rest = name.replace("]", "").split("[")
        place, key = root, head
        for step in rest:
            below = place.setdefault(key, {})
            if not isinstance(below, dict):
                break
            place, key = below, step or str(len(below))
        place[key] = value
    return {key: _listed(value) for key, value in root.items()}


def _listed(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(item) for key, item in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
