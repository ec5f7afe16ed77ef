"""What did a customer say of permissions, and when? A question, as those in `questions` are."""

from collections.abc import Generator
from typing import Any, Final, NamedTuple

from identity import Identifier
from identity.consent import Said, changes
from schemas import records
from serving_layer import questions
from serving_layer.generations import Standing
from serving_layer.outcome import Outcome
from serving_layer.permissions import claims_under
from serving_layer.questions import Moved, Wanted
from serving_layer.reading import TRIES, Freshness, KeptMoving, Look

# Statements of one customer that are told, the latest.
MOST_TOLD: Final = 1_000


class Told(NamedTuple):
    """What the identifiers of a customer stated, oldest first."""

    customer_id: str | None
    said: list[tuple[Identifier, Said]]
    freshness: Freshness


def history(
    of: Standing, tenant: str, asked: tuple[str, str] | str, most: int = MOST_TOLD
) -> Generator[Wanted, Any, Told]:
    """What a customer stated, by an id or a (type, raw value) pair: what its identifiers did, now and ever.

    The generation tells of all changes up to its cut-off, the stream of the latest statements since. At most
    `most` are told, the latest.
    """
    for _ in range(TRIES):
        outcome: Outcome | None
        if isinstance(asked, str):
            outcome, freshness = yield from questions.customer(tenant, asked)
        else:
            (outcome,), freshness = yield from questions.lookup(of, tenant, [asked])
        if outcome is None or outcome.customer is None:
            return Told(None, [], freshness)
        of = (yield Look([])).standing
        members = list(outcome.members)
        try:
            claims, freshness = yield from claims_under(of, [records.claims_key(tenant, x) for x in members])
        except Moved:
            continue
        keys = {x: records.history_key(tenant, x) for x in members}
        before = of.generation.get(keys.values())
        said = [
            (x, word)
            for x in members
            for word in changes(
                {
                    *(records.decode_claims(before[keys[x]]) if keys[x] in before else ()),
                    *claims.get(records.claims_key(tenant, x), {}).items(),
                }
            )
        ]
        said.sort(key=lambda one: (one[1][1].at, one))
        return Told(outcome.customer[0], said[-most:], freshness)
    raise KeptMoving
