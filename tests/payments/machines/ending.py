"""The end of a story: faults stop, nobody acts any more, time passes, everything comes to rest."""

from collections.abc import Sequence

from tests.payments.machines import promises, workers
from tests.payments.machines.stripe import Fault
from tests.payments.machines.workers import Worker
from tests.payments.machines.world import World

# Each of five minutes: longer than any pause between two tries.
MOST_ROUNDS, ROUND_SECONDS = 40, 301


def settle(world: World) -> None:
    """Let everything come to its end, and look at what must hold then."""
    _run(world.crew)
    world.crew.clear()
    house = world.house
    world.wait(max(0, int((house.deadline - house.now).total_seconds())))
    for _ in range(MOST_ROUNDS):
        _work_all(world)
        if not _is_waiting(world):
            break
        world.wait(ROUND_SECONDS)
    else:
        # One for which a person was called is looked up for ever.
        assert promises.TOO_OLD in house.rows.alerts, "it never came to rest"
    promises.check_end(
        world.books(),
        house.stripe,
        state=house.state,
        alerts=house.rows.alerts,
        cases=house.rows.cases,
    )


def _work_all(world: World) -> None:
    """Do all that is due, once."""
    house = world.house
    for intent_id in house.stripe.waiting_for_bank():
        house.stripe.hear_bank(intent_id, is_good=False)
    for operation in workers.due_operations(house):
        token = workers.claim(house, operation)
        _finish(world, workers.send(house, operation.pk, token))
    for attempt_id in world.due_attempts():
        _finish(world, workers.poll(house, attempt_id))
    for intent_id in list(house.stripe.intents):
        _finish(world, workers.reconcile(house, intent_id))
    while house.rows.events:
        house.hear(house.rows.events.pop(0))
    house.expire()
    world.check()


def _is_waiting(world: World) -> bool:
    """Tell whether anything is still to be done without a person."""
    rows = world.house.rows
    is_due = any(each.due_at is not None for each in rows.operations.values())
    is_watched = any(each.next_check_at is not None for each in rows.attempts.values())
    return bool(rows.events) or is_watched or is_due


def _finish(world: World, work: workers.Work) -> None:
    worker = workers.begin(world.house, work)
    _run([worker] if worker is not None else [])


def _run(crew: Sequence[Worker]) -> None:
    for worker in crew:
        while worker.step(Fault.NONE):
            pass
