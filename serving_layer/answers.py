"""Answers as programs read them: the JSON of the command line and of HTTP."""

from datetime import UTC, datetime
from typing import Any

from identity import Customer
from serving_layer.view import Answer, Found, Freshness


def answer_json(answer: Answer) -> dict[str, Any]:
    """A lookup: `results` in the order of the questions, and what they rest on."""
    return {"results": [_found(found) for found in answer.found], **freshness_json(answer.freshness)}


def customer_json(customer: Customer, freshness: Freshness) -> dict[str, Any]:
    """One customer, its identifiers and its earlier ids."""
    return {**_customer(customer), **freshness_json(freshness)}


def freshness_json(freshness: Freshness) -> dict[str, Any]:
    """`generation`, `through` (RFC 3339, or null where it is not known) and `stale`."""
    through = freshness.through
    moment = datetime.fromtimestamp(through / 1_000_000, UTC).isoformat() if through is not None else None
    return {"generation": freshness.generation, "through": moment, "stale": freshness.stale}


def _found(found: Found) -> dict[str, Any]:
    question: dict[str, Any] = {"type": found.identifier.type, "value": found.identifier.value}
    if found.pending:
        question["pending"] = True
    if found.customer is None:
        return {**question, "customer_id": None, "reason": found.reason or "unknown"}
    return {**question, **_customer(found.customer)}


def _customer(customer: Customer) -> dict[str, Any]:
    return {
        "customer_id": customer.id,
        "identifiers": [{"type": member.type, "value": member.value} for member in customer.members],
        "aliases": list(customer.aliases),
    }
