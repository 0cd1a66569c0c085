"""Switches that make a pretended vendor misbehave, set over its control API.

A fault names an operation (`payment_intents.confirm`, `webhook.charge.refunded`, a prefix such as
`webhook`, or `*`), what goes wrong, how likely and how often. With no switch set, the cost is one
look at an empty tuple. Switches live in memory: a restarted server behaves well again.
"""

import itertools
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

BEFORE = ("delay", "error_before", "drop_before")
AFTER = ("timeout_after_apply", "error_after_apply", "drop_after_apply")
MESSAGES = ("duplicate", "reorder", "never")
# The warehouse's: bad answers to what was carried out, and what it is to see or do wrongly.
ANSWERS = (
    *("fault_after_apply", "drip", "huge", "malformed", "wrong_namespace"),
    *("external_entity", "billion_laughs"),
)
CONDUCT = ("lag", "omit", "accepts_twice")
KINDS = (*BEFORE, *AFTER, *MESSAGES, *ANSWERS, *CONDUCT)
FIELDS = (
    *("operation", "fault", "probability", "count", "seconds", "seed", "status"),
    *("amount_minor", "reference"),
)


class InvalidFault(Exception):
    """The control API was sent a fault that cannot be understood; the text says why."""


class Dropped(Exception):
    """The connection is to be closed without an answer."""


@dataclass(slots=True)
class Fault:
    """One switch. `count` is how many more times it fires (None: without end); `amount_minor`
    narrows it to what is about a payment of this amount, `reference` to what is about this
    order of the warehouse."""

    id: str
    operation: str
    fault: str
    probability: float = 1.0
    count: int | None = None
    seconds: float | None = None
    seed: int | None = None
    status: int | None = None
    amount_minor: int | None = None
    reference: str | None = None
    hits: int = 0
    dice: random.Random = field(default_factory=random.Random, repr=False)

    def fits(self, operation: str) -> bool:
        """Say whether this switch is meant for `operation`."""
        wanted = self.operation
        return wanted in ("*", operation) or operation.startswith(f"{wanted}.")

    @property
    def about(self) -> int | str | None:
        """The one thing that this switch is meant for; None: all."""
        return self.reference if self.amount_minor is None else self.amount_minor

    def as_json(self) -> dict[str, Any]:
        """Return the switch as the control API shows it."""
        names = ("id", *FIELDS, "hits")
        return {name: getattr(self, name) for name in names}


@dataclass(slots=True, frozen=True)
class Plan:
    """The faults that were drawn for one call, in the order in which they were set."""

    NONE: ClassVar["Plan"]
    latency: float = 0.0
    drawn: tuple[Fault, ...] = ()

    def has(self, kind: str) -> Fault | None:
        """Return the drawn fault of this kind, or None."""
        return next((fault for fault in self.drawn if fault.fault == kind), None)

    def wait(self) -> None:
        """Sleep for the latency and every drawn delay. Raises Dropped for `drop_before`."""
        seconds = self.latency
        for fault in self.drawn:
            if fault.fault == "delay":
                seconds += 1.0 if fault.seconds is None else fault.seconds
        if seconds:
            time.sleep(seconds)
        if self.has("drop_before"):
            raise Dropped

    def lose_answer(self) -> None:
        """Raise Dropped where the answer must not arrive, after the wait that a time-out needs."""
        slow = self.has("timeout_after_apply")
        if slow:
            time.sleep(30.0 if slow.seconds is None else slow.seconds)
        if slow or self.has("drop_after_apply"):
            raise Dropped


Plan.NONE = Plan()


class Faults:
    """All switches of one server."""

    def __init__(self) -> None:
        self._switches: tuple[Fault, ...] = ()
        self._numbers = itertools.count(1)
        self._turn = threading.Lock()
        self.latency = 0.0

    def plan(self, operation: str, subject: Callable[[], int | str | None] = lambda: None) -> Plan:
        """Draw what happens to one call of `operation`; every draw that hits is counted.

        `subject` tells what the call is about (the amount of a payment in minor units, the
        reference of an order), and is asked only where a switch is meant for one.
        """
        if not self._switches:
            return Plan(latency=self.latency) if self.latency else Plan.NONE
        meant = [switch for switch in self._switches if switch.fits(operation)]
        if any(switch.about is not None for switch in meant):
            found = subject()
            meant = [each for each in meant if each.about in {None, found}]
        with self._turn:
            drawn = tuple(switch for switch in meant if _draw(switch))
        return Plan(latency=self.latency, drawn=drawn)

    def add(self, wanted: Any) -> Fault:
        """Set a switch from decoded JSON and return it. Raises InvalidFault."""
        fault = _read(wanted)
        with self._turn:
            fault.id = f"fault_{next(self._numbers)}"
            self._switches = (*self._switches, fault)
        return fault

    def listed(self) -> list[dict[str, Any]]:
        """Return every switch with its hit count, oldest first."""
        with self._turn:
            return [switch.as_json() for switch in self._switches]

    def clear(self) -> None:
        """Remove every switch; the latency stays."""
        with self._turn:
            self._switches = ()


def _draw(fault: Fault) -> bool:
    if fault.count is not None and fault.hits >= fault.count:
        return False
    if fault.probability < 1.0 and fault.dice.random() >= fault.probability:
        return False
    fault.hits += 1
    return True


def _read(wanted: Any) -> Fault:
    if not isinstance(wanted, dict):
        raise InvalidFault("A fault is a JSON object.")
    unknown = set(wanted) - set(FIELDS)
    if unknown:
        raise InvalidFault(f"Unknown field: {', '.join(sorted(unknown))}.")
    if wanted.get("fault") not in KINDS:
        raise InvalidFault(f"`fault` is one of: {', '.join(KINDS)}.")
    if not isinstance(wanted.get("operation"), str) or not wanted["operation"]:
        raise InvalidFault("`operation` names an operation, or is '*'.")
    probability = _number(wanted, "probability", 1.0)
    if not 0 <= (1.0 if probability is None else probability) <= 1:
        raise InvalidFault("`probability` lies between 0 and 1.")
    count, seed, status, amount = (
        _number(wanted, name, None) for name in ("count", "seed", "status", "amount_minor")
    )
    return Fault(
        id="",
        operation=wanted["operation"],
        fault=wanted["fault"],
        probability=1.0 if probability is None else probability,
        count=None if count is None else int(count),
        seconds=_number(wanted, "seconds", None),
        seed=None if seed is None else int(seed),
        status=None if status is None else int(status),
        amount_minor=None if amount is None else int(amount),
        reference=_text(wanted, "reference"),
        dice=random.Random(None if seed is None else int(seed)),  # noqa: S311  a fault, no secret
    )


def _text(wanted: dict[str, Any], name: str) -> str | None:
    value = wanted.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidFault(f"`{name}` is a text.")
    return value


def _number(wanted: dict[str, Any], name: str, default: float | None) -> float | None:
    value = wanted.get(name, default)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise InvalidFault(f"`{name}` is a number of 0 or more.")
    return value
