"""A walker: the machine's acts, chosen by a seeded random generator. Quicker than Hypothesis, and
it shrinks nothing; a seed and a number name each walk."""

import random
from collections import Counter
from random import Random

from tests.payments.machines.ending import settle
from tests.payments.machines.house import House
from tests.payments.machines.stripe import Fault
from tests.payments.machines.world import CARDS, FAULTS, PAUSES, SHARES, World

STEPS = 80
# How often each act is chosen: most of it is work.
WEIGHTS = {
    "work": 12,
    "go_on": 40,
    "crash": 2,
    "restart": 1,
    "poll": 5,
    "webhook": 8,
    "reconcile": 3,
    "open_page": 4,
    "pay": 6,
    "come_back": 2,
    "hear_bank": 3,
    "hear": 12,
    "expire": 2,
    "ship": 5,
    "cancel": 0.3,
    "by_hand": 0.7,
    "find_money": 0.7,
    "wait": 6,
}


def walk(*, seed: int, number: int, steps: int = STEPS) -> Counter[str]:
    """Make one order's walk to its end; return how often each act did something.

    Raises AssertionError, and the seed and number repeat it.
    """
    # Backoff draws from the global generator.
    random.seed(seed * 1_000_003 + number)
    chance = Random(seed * 1_000_003 + number)
    world = World(
        House(
            card=chance.choice(["", *CARDS]),
            is_multicapture=chance.random() < 0.5,
            is_in_stock=chance.random() < 0.5,
        )
    )
    # Some worlds are calm, so that some orders get far.
    trouble = chance.choice([0.0, 0.1, 0.4])
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    for name in chance.choices(names, weights, k=steps):
        world.act(name, *_arguments(name, chance, trouble))
    settle(world)
    return world.steps


def _arguments(name: str, chance: Random, trouble: float) -> tuple[object, ...]:
    pick = chance.randrange(60)
    fault = chance.choice(FAULTS) if chance.random() < trouble else Fault.NONE
    more: dict[str, tuple[object, ...]] = {
        "go_on": (pick, fault),
        "pay": (pick, chance.choice(CARDS)),
        "hear_bank": (pick, chance.random() < 0.7),
        "by_hand": (pick, chance.random() < 0.5),
        "ship": (chance.choice(SHARES),),
        "wait": (chance.choices(PAUSES, [30, 30, 20, 10, 4, 2, 1])[0],),
    }
    alone = ("restart", "open_page", "expire", "cancel")
    return () if name in alone else more.get(name, (pick,))
