"""The table: every crash point, crossed with how a process ends there and what the vendor did.

A cell's name, `CP7:kill:applied`, is what `make crashpoints CELLS=...` takes. Room is left for
CP23 (messages) and CP26 (a restored database).
"""

from dataclasses import dataclass
from typing import Any

ACTIONS = ("kill", "raise", "drop")
# The call had its effect at the vendor and its answer was lost, or it never arrived there.
REMOTE = ("applied", "not-applied")

# Point -> its variants; each is crossed with the three actions.
VARIANTS: dict[str, tuple[str, ...]] = {
    "CP1": ("",),
    "CP2": ("",),
    "CP3": ("",),
    "CP4": REMOTE,
    "CP5": ("",),
    "CP6": ("create", "confirm", "capture"),
    "CP7": REMOTE,
    "CP8": ("409", "429"),
    "CP9": ("",),
    "CP10": ("finished", "left"),
    "CP11": ("held", "captured"),
    "CP12": ("", "page"),
    "CP13": ("",),
    "CP14": ("",),
    "CP15": ("",),
    "CP16": ("",),
    "CP17": REMOTE,
    "CP18": ("",),
    "CP19": ("",),
    "CP20": REMOTE,
    "CP21": ("ended", "refused"),
    "CP22": ("",),
    "CP24": ("",),
    "CP25": ("planned", *REMOTE),
    "CP27": REMOTE,
    "CP28": ("",),
}
# Cells beside the cross product.
MORE = (
    ("CP7", "drop", "applied-500"),
    ("CP7", "drop", "applied-silence"),
    ("CP15", "note", "flushed"),
    ("CP24", "kill", "twice"),
    ("CP24", "kill", "late"),
    ("CP24", "kill", "reordered"),
    ("CP24", "note", "never"),
    ("CP28", "terminate", "deploy"),
)
# Points behind a call to the warehouse; the others stand behind one to Stripe.
WAREHOUSE = ("CP16", "CP17", "CP18", "CP19")
# Which call of the sandbox a point stands behind.
OPERATIONS = {
    "CP4": "payment_intents.create",
    "CP7": "payment_intents.confirm",
    "CP8": "payment_intents.confirm",
    "CP17": "SubmitOrder",
    "CP19": "SubmitOrder",
    "CP20": "payment_intents.capture",
    "CP25": "refunds.create",
    "CP27": "payment_intents.cancel",
}
# Variant -> what is switched on at the sandbox for this order's payment, once by default.
FAULTS: dict[str, dict[str, Any]] = {
    "applied": {"fault": "drop_after_apply"},
    "not-applied": {"fault": "drop_before"},
    "applied-500": {"fault": "error_after_apply", "status": 500},
    "applied-silence": {"fault": "timeout_after_apply", "seconds": 12},
    # More than once: who hears it first may be crashed by another cell before it means anything.
    "409": {"fault": "error_before", "status": 409, "count": 3},
    "429": {"fault": "error_before", "status": 429, "count": 3},
    "twice": {"operation": "webhook", "fault": "duplicate", "count": 20},
    "late": {"operation": "webhook", "fault": "delay", "seconds": 6, "count": 20},
    "reordered": {"operation": "webhook", "fault": "reorder", "seconds": 4, "count": 20},
    "never": {"operation": "webhook", "fault": "never", "count": 20},
}
# A zombie: its call takes so long that its lease passes to another worker.
SLOW = {"fault": "delay", "seconds": 4}
# What else a hit must state, where a point is reached more than once on an order's way.
FACTS: dict[tuple[str, str], dict[str, str]] = {
    ("CP6", "create"): {"kind": "create"},
    ("CP6", "confirm"): {"kind": "confirm"},
    ("CP6", "capture"): {"kind": "capture"},
    ("CP9", ""): {"state": "authorized"},
    # The first event that a delivery depends on: without it the order is never confirmed.
    **{(point, ""): {"event": "payment.authorized"} for point in ("CP13", "CP14", "CP15")},
    ("CP22", ""): {"state": "captured"},
    ("CP25", "planned"): {"step": "before the call"},
    ("CP25", "applied"): {"step": "after the call"},
    ("CP25", "not-applied"): {"step": "after the call"},
}
# Small enough for every run of the tests: those that need no lease to end.
SMALL = (
    "CP1:kill",
    "CP2:drop",
    "CP3:kill",
    "CP7:drop:applied",
    "CP12:raise",
    "CP13:kill",
    "CP14:raise",
    "CP24:kill:twice",
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: a point, how the process ends there, and the variant."""

    point: str
    action: str
    variant: str = ""

    @property
    def name(self) -> str:
        return ":".join(filter(None, (self.point, self.action, self.variant)))

    @property
    def slug(self) -> str:
        """The name as a part of keys and of file names."""
        return self.name.replace(":", "-")

    def crash(self, *, key: str) -> dict[str, Any] | None:
        """Return the order to crash, for the order that is placed with this key; None where
        nothing of ours crashes."""
        if self.variant == "never":
            return None
        # Where an answer is on its way, it is the vendor's connection that drops.
        is_vendors = self.action == "drop" and self.variant in FAULTS
        return {
            "action": "note" if is_vendors else self.action,
            "scope": {"key": key, **FACTS.get((self.point, self.variant), {})},
            "commit_first": self.point == "CP2",
        }

    @property
    def is_about_warehouse(self) -> bool:
        """Tell whether the call is one to the warehouse, not to Stripe."""
        return self.point in WAREHOUSE

    def fault(self) -> dict[str, Any] | None:
        """Return the switch of the sandbox for this cell, where it has one; whom it is about is
        the caller's to say."""
        found = SLOW if self.point == "CP19" else FAULTS.get(self.variant)
        if found is None:
            return None
        return {"operation": OPERATIONS.get(self.point, "webhook"), "count": 1, **found}


def all_cells() -> list[Cell]:
    """Return the whole table, in the order of the points."""
    cells = [
        Cell(point, action, variant)
        for point, variants in VARIANTS.items()
        for action in ACTIONS
        for variant in variants
    ]
    cells += [Cell(*parts) for parts in MORE]
    return sorted(cells, key=lambda cell: (int(cell.point[2:]), cells.index(cell)))


def find_cells(names: list[str]) -> list[Cell]:
    """Return the cells of these names; the beginning of names (`CP7`, `CP7:kill`) means them all.

    Raises LookupError for a name that fits none.
    """
    found: list[Cell] = []
    for name in names:
        parts, cells = name.split(":"), all_cells()
        exact = [cell for cell in cells if cell.name == name]
        fitting = exact or [cell for cell in cells if cell.name.split(":")[: len(parts)] == parts]
        if not fitting:
            raise LookupError(f"no cell is called {name}")
        found += [cell for cell in fitting if cell not in found]
    return found
