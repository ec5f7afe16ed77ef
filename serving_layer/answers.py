"""Answers as programs read them: the JSON of the command line and of HTTP."""

from datetime import UTC, datetime
from typing import Any

from serving_layer.outcome import Outcome
from serving_layer.reading import Freshness


def found_json(outcome: Outcome, *, members: bool) -> dict[str, Any] | None:
    """The answer for one identifier; None where nothing is known of it.

    `members` says whether the caller may see the customer's identifiers.
    """
    customer = outcome.customer
    answer: dict[str, Any]
    if customer is not None:
        answer = {"customer_id": customer[0], "certainty": outcome.certainty}
        if members:
            answer["identifiers"] = [{"type": type_, "value": value} for type_, value in customer[1]]
        answer["aliases"] = customer[2]
    elif outcome.reason or outcome.pending:
        answer = {"customer_id": None}
        if outcome.reason:
            answer["reason"] = outcome.reason
    else:
        return None
    if outcome.pending:
        answer["pending"] = True
    return answer


def customer_json(outcome: Outcome, asked: str, freshness: Freshness) -> dict[str, Any]:
    """Whom an id means: the customer, and whether that is another id than was asked for."""
    customer = outcome.customer
    assert customer is not None, "only those that are found are told"
    return {
        "customer_id": customer[0],
        "asked": asked,
        "moved": asked != customer[0],
        "identifiers": [{"type": type_, "value": value} for type_, value in customer[1]],
        "aliases": customer[2],
        **freshness_json(freshness),
    }


def freshness_json(freshness: Freshness) -> dict[str, Any]:
    """What an answer rests on.

    `generation`; `through` (RFC 3339, or null where it is not known) and `offsets` (the next message of each
    `topic:partition`), up to which the stream is included; and `stale`.
    """
    through = freshness.through
    moment = datetime.fromtimestamp(through / 1_000_000, UTC).isoformat() if through is not None else None
    return {
        "generation": freshness.generation,
        "through": moment,
        "offsets": dict(freshness.offsets),
        "stale": freshness.stale,
    }
