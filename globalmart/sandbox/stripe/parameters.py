"""Read the parameters of a call as strictly as Stripe does."""

from collections.abc import Collection
from typing import Any

from globalmart.sandbox.stripe import errors

MAX_METADATA = 50


class Parameters:
    """Form parameters of one call. Every reader raises StripeError (400) for a bad value."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def only(self, *allowed: str) -> None:
        """Refuse any parameter that is not in `allowed`."""
        for name in self.values:
            if name not in allowed:
                raise errors.invalid(
                    f"Received unknown parameter: {name}", code="parameter_unknown", param=name
                )

    def has(self, name: str) -> bool:
        """Say whether the parameter was sent and is not empty."""
        return self.values.get(name) not in (None, "")

    def text(self, name: str, default: str | None = None) -> str | None:
        """Return a string; an empty one counts as unset."""
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if not isinstance(value, str):
            raise errors.invalid(f"Invalid string: {value}", param=name)
        return value

    def required(self, name: str) -> str:
        """Return a string that must be there."""
        if name not in self.values:
            raise errors.invalid(
                f"Missing required param: {name}.", code="parameter_missing", param=name
            )
        value = self.text(name)
        if value is None:
            raise errors.invalid(
                f"You passed an empty string for '{name}'. We assume empty values are an attempt "
                "to unset a parameter; however it cannot be unset.",
                code="parameter_invalid_empty",
                param=name,
            )
        return value

    def integer(self, name: str) -> int | None:
        """Return a whole number, or None where it was not sent."""
        value = self.text(name)
        if value is None:
            return None
        digits = value[1:] if value.startswith("-") else value
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 18):
            raise errors.invalid(
                f"Invalid integer: {value}", code="parameter_invalid_integer", param=name
            )
        return int(value)

    def boolean(self, name: str, default: bool = False) -> bool:
        """Return a flag sent as true or false."""
        value = self.text(name)
        if value is None:
            return default
        if value not in ("true", "false"):
            raise errors.invalid(f"Invalid boolean: {value}", param=name)
        return value == "true"

    def choice(self, name: str, options: Collection[str], default: str | None = None) -> str | None:
        """Return one of `options`."""
        value = self.text(name, default)
        if value is not None and value not in options and value != default:
            raise errors.invalid(
                f"Invalid {name}: must be one of {', '.join(sorted(options))}", param=name
            )
        return value

    def mapping(self, name: str) -> "Parameters":
        """Return the parameters below `name[...]`, none where it was not sent."""
        value = self.values.get(name)
        if value in (None, ""):
            return Parameters({})
        if not isinstance(value, dict):
            raise errors.invalid(f"Invalid object: {value}", param=name)
        return Parameters(value)

    def listed(self, name: str) -> list[Any]:
        """Return the values of `name[]`, none where it was not sent."""
        value = self.values.get(name)
        if value in (None, ""):
            return []
        if not isinstance(value, list):
            raise errors.invalid("Invalid array", param=name)
        return value

    def metadata(self, current: dict[str, str] | None = None) -> dict[str, str]:
        """Return `current` with the sent metadata merged in; an empty value removes its key."""
        merged = dict(current or {})
        if self.values.get("metadata") == "":
            return {}
        for key, value in self.mapping("metadata").values.items():
            if not isinstance(value, str) or len(key) > 40 or len(value) > 500:
                raise errors.invalid(
                    "Metadata keys can have up to 40 characters and values up to 500 characters.",
                    param=f"metadata[{key}]",
                )
            merged[key] = value
        merged = {key: value for key, value in merged.items() if value != ""}
        if len(merged) > MAX_METADATA:
            raise errors.invalid(
                f"Metadata can have up to {MAX_METADATA} keys, but you passed in {len(merged)}.",
                param="metadata",
            )
        return merged
