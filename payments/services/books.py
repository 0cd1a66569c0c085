"""The rows that one answer about money may change, and the attempt's one step."""

from dataclasses import dataclass
from datetime import datetime

from globalmart.core import states, timeline
from payments.models import OrderAccount, PaymentAttempt, PaymentOperation
from payments.states import ATTEMPT, AttemptState, OperationKind


@dataclass(slots=True)
class Books:
    """Account, attempt and, where the answer is to one, operation: all locked, in lock order."""

    account: OrderAccount
    attempt: PaymentAttempt
    operation: PaymentOperation | None
    actor: str
    now: datetime

    def is_answer_to(self, kind: OperationKind) -> bool:
        """Tell whether the answer is to an operation of this kind."""
        return self.operation is not None and self.operation.kind == kind

    def move(self, state: AttemptState, reason: str = "") -> None:
        """Take one step of the attempt's machine, with its line in the order's timeline.

        Raises IllegalTransition.
        """
        attempt = self.attempt
        states.require(ATTEMPT, "attempt", attempt.state, state)
        timeline.record(
            subject_type="order",
            subject_id=attempt.order_id,
            kind=f"payment.{state}",
            before=attempt.state,
            after=state,
            actor=self.actor,
            reason=reason,
            data={"attempt": attempt.number, "amount_minor": attempt.amount_minor},
        )
        attempt.state = state
        attempt.state_changed_at = self.now
