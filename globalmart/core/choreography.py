"""Which event wakes whom: the types of `globalmart.wiring`, and how its dotted names resolve."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from globalmart.core.states import Ages, Table


@dataclass(frozen=True, slots=True)
class Consumer:
    """A handler of an event, run once per event in a transaction, on a queue's worker.

    `handler` is the dotted name of a function (*, event_id, subject_id, **payload); `rings`
    names the work that its effect may have made due.
    """

    handler: str
    queue: str
    rings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Work:
    """A kind of work rows: the RQ job that works them, and how to ask whether any is due.

    `has_due` is the dotted name of a function (*, now) -> bool.
    """

    job: str
    queue: str
    has_due: str


# How many subjects of a state the watchdog looks at; the oldest come first.
MOST_STUCK = 5_000


@dataclass(frozen=True, slots=True)
class Stuck:
    """A subject that has been in a state for longer than its age limit."""

    subject_type: str
    subject_id: int
    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Timed:
    """An RQ job that may also be late: its dotted name, its queue, and when, as cron writes it."""

    job: str
    queue: str
    cron: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A state machine of the house: the dotted name of its table (`<app>.states.NAME`; its ages are
    `NAME_AGE` beside it), and the states in which its rows begin."""

    table: str
    begins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wiring:
    """The whole choreography: event -> consumers, event -> work to ring for, kinds of work,
    the dotted names of functions (*, now) -> list[Stuck] that the watchdog asks, by queue, of
    functions that a worker calls once before its first job, what is started by the
    clock, by domain the function that compares its books with somebody else's, and by name the
    state machines."""

    consumers: Mapping[str, tuple[Consumer, ...]]
    rings: Mapping[str, tuple[str, ...]]
    work: Mapping[str, Work]
    watched: Mapping[str, str]
    warm: Mapping[str, tuple[str, ...]]
    timed: tuple[Timed, ...] = ()
    reconcilers: Mapping[str, str] = field(default_factory=dict)
    machines: Mapping[str, Machine] = field(default_factory=dict)


@lru_cache
def wiring() -> Wiring:
    """Return the wiring that the settings name."""
    found: Wiring = import_module(settings.WIRING).WIRING
    return found


@cache
def resolve(dotted: str) -> Callable[..., Any]:
    """Return the function behind a dotted name. Raises ImportError."""
    function: Callable[..., Any] = import_string(dotted)
    return function


def table_of(machine: Machine) -> Table:
    """Return a machine's table. Raises ImportError."""
    table: Table = import_string(machine.table)
    return table


def ages_of(machine: Machine) -> Ages:
    """Return the ages past which a machine's states alarm; none where it has none."""
    module, name = machine.table.rsplit(".", 1)
    ages: Ages = getattr(import_module(module), f"{name}_AGE", {})
    return ages


def dotted_names() -> list[str]:
    """Return every dotted name in the wiring, for the system check that resolves each."""
    table = wiring()
    handlers = [consumer.handler for many in table.consumers.values() for consumer in many]
    work = [name for kind in table.work.values() for name in (kind.job, kind.has_due)]
    warm = [name for many in table.warm.values() for name in many]
    timed = [one.job for one in table.timed]
    machines = [machine.table for machine in table.machines.values()]
    asked = [*table.watched.values(), *table.reconcilers.values()]
    return [*handlers, *work, *warm, *timed, *asked, *machines]
