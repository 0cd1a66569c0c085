"""The machines see: with one rule of the money core taken away, a promise is soon broken."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from globalmart.core.states import IllegalTransition
from payments.models import PaymentAttempt
from payments.services import capturing, decisions, holding, settling
from payments.services.adopting import make_heir
from payments.services.books import Books
from payments.services.sending import mark_sent
from payments.states import AttemptState
from tests.payments.machines import house, workers
from tests.payments.machines.walker import walk

MOST_WALKS = 1_500
SEED = 1
Patch = pytest.MonkeyPatch


def send_again_without_looking(patch: Patch) -> None:
    patch.setattr(workers, "settle_without_call", lambda *_, **__: None)


def take_a_new_key_each_time(patch: Patch) -> None:
    def mark(books: Books, **more: Any) -> Any:
        if books.operation is not None and books.operation.finished_at is None:
            books.operation.idempotency_key = str(uuid4())
        return mark_sent(books, **more)

    patch.setattr(workers, "mark_sent", mark)


def resurrect_what_has_ended(patch: Patch) -> None:
    def authorize(books: Books, answer: Any, *, is_stray: bool) -> None:
        if answer.outcome == "authorized":
            books.attempt.state = AttemptState.UNKNOWN
            holding.authorize(books)

    patch.setattr(decisions, "_settle_ended", authorize)


def adopt_beside_a_live_attempt(patch: Patch) -> None:
    def make(dead: PaymentAttempt, **more: Any) -> PaymentAttempt:
        heir = make_heir(dead, **more)
        heir.purpose = dead.purpose
        return heir

    patch.setattr(house, "make_heir", make)


def capture_while_a_capture_is_under_way(patch: Patch) -> None:
    patch.setattr(capturing, "any", lambda _: False, raising=False)


def end_a_cancelled_order_without_seeing_it_cancelled(patch: Patch) -> None:
    def cancel_or_end(books: Books) -> bool:
        holding.end_unsent(books, "surely nobody pays any more")
        return True

    patch.setattr(house, "cancel_or_end", cancel_or_end)


def forget_to_release(patch: Patch) -> None:
    patch.setattr(holding.ledger, "release", lambda *_: [])


def keep_a_key_that_only_repeats_itself(patch: Patch) -> None:
    patch.setattr(settling, "is_key_spent", lambda *_: False)


MUTATIONS: tuple[Callable[[Patch], None], ...] = (
    send_again_without_looking,
    take_a_new_key_each_time,
    resurrect_what_has_ended,
    adopt_beside_a_live_attempt,
    capture_while_a_capture_is_under_way,
    end_a_cancelled_order_without_seeing_it_cancelled,
    forget_to_release,
    keep_a_key_that_only_repeats_itself,
)


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda each: each.__name__)
def test_sees(mutate: Callable[[Patch], None], monkeypatch: Patch) -> None:
    mutate(monkeypatch)

    with pytest.raises((AssertionError, IllegalTransition)):
        walk_on()


def walk_on() -> None:
    for number in range(MOST_WALKS):
        walk(seed=SEED, number=number)
