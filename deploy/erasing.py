"""From an identifier to an erasure: who the person is, and the messages that say so."""

import time
import uuid
from collections.abc import Sequence

from identity import Identifier
from schemas import Erasure
from schemas import Identifier as Named
from serving_layer import questions
from serving_layer.outcome import Outcome
from serving_layer.view import ServingView

# Identifiers in one message: some hundred bytes each at most, far below what a message may have.
TOGETHER = 500


def person(view: ServingView, tenant: str, type_: str, value: str) -> tuple[Outcome, list[Identifier]]:
    """The answer for an identifier, and all those that are to go with it: its customer's, or it alone.

    Raises UnknownTypeError, and BrokenGeneration where there is nothing to ask.
    """
    (outcome,) = view.ask(questions.lookup(view.generations.current, tenant, [(type_, value)])).found
    customer = outcome.as_customer()
    return outcome, [outcome.identifier] if customer is None else list(customer.members)


def erasures(tenant: str, whom: Sequence[Identifier], who: str) -> tuple[str, list[Erasure]]:
    """The receipt's id, and what to send: each message under its own `erasure_id` as its key."""
    receipt, at = str(uuid.uuid4()), time.time_ns() // 1_000
    return receipt, [
        Erasure(
            erasure_id=f"{receipt}.{start // TOGETHER}",
            tenant=tenant,
            requested_at=at,
            identifiers=[Named(*x) for x in whom[start : start + TOGETHER]],
            who=who,
        )
        for start in range(0, len(whom), TOGETHER)
    ]
