"""Answers as programs read them: the JSON of the command line and of HTTP."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from identity import Identifier, Link, Verdict
from identity.consent import Permission, Statement
from identity.facts import FUTURE, PAST
from schemas.records import identifier_digest
from serving_layer.explanation import Explanation
from serving_layer.history import Change, History
from serving_layer.outcome import Outcome
from serving_layer.permissions import Permitted
from serving_layer.picture import Picture
from serving_layer.profile import Known
from serving_layer.reading import Freshness

_VERDICTS = {Verdict.NONE: None, Verdict.MUST: "must_link", Verdict.CANNOT: "cannot_link"}


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
        if outcome.stale:
            answer["stale_address"] = True
        if outcome.objected:
            answer["objected"] = True
    elif outcome.reason or outcome.pending:
        answer = {"customer_id": None}
        if outcome.reason:
            answer["reason"] = outcome.reason
    else:
        return None
    if outcome.pending:
        answer["pending"] = True
    return answer


def customer_json(outcome: Outcome, asked: str, known: Known, freshness: Freshness) -> dict[str, Any]:
    """Whom an id means: the customer, what is known of it, and whether it has another id than was asked."""
    customer = outcome.customer
    assert customer is not None, "only those that are found are told"
    return {
        "customer_id": customer[0],
        "asked": asked,
        "moved": asked != customer[0],
        "identifiers": [{"type": type_, "value": value} for type_, value in customer[1]],
        "aliases": customer[2],
        "profile": profile_json(known),
        "segments": known.segments,
        **freshness_json(freshness),
    }


def profile_json(known: Known) -> dict[str, Any]:
    """Attributes with value, source and time; a number or a truth is one in JSON, too."""
    rules = known.standing.rules
    return {
        name: {
            "value": _typed(value.value, rules.profile[name].type),
            "source": value.source,
            "at": time_json(value.at),
        }
        for name, value in known.profile.items()
    }


def _typed(value: str, type_: str) -> str | int | float | bool:
    if type_ == "number":
        return float(value) if "." in value else int(value)
    return value == "true" if type_ == "bool" else value


def explanation_json(found: Explanation, tenant: str, history: History) -> dict[str, Any]:
    """Why two identifiers are one customer, or are not. Reads the history: takes some milliseconds."""
    a, b = found.a, found.b
    return {
        "same": found.same,
        "a": found_json(a, members=False),
        "b": found_json(b, members=False),
        "certainty": found.certainty,
        "path": [{**_pair_json(step.a, step.b), **link_json(step.link)} for step in found.path],
        "joined_by": _joined_by(found, tenant, history),
        "decisions": [
            {**msgspec.to_builtins(word), "at": time_json(word.at)}
            for word in history.decisions(tenant, a.identifier, b.identifier)
        ],
        "refused": [{**_pair_json(link.a, link.b), "reason": link.reason} for link in found.refused],
        "refused_left_out": found.left_out,
        **freshness_json(found.freshness),
    }


def picture_json(found: Picture, asked: str, freshness: Freshness) -> dict[str, Any]:
    """A customer's graph; links name their ends by their places in `nodes`."""
    customer = found.outcome.customer
    assert customer is not None, "only those that are found are told"
    places = {x: place for place, x in enumerate((*found.members, *found.others))}
    return {
        "customer_id": customer[0],
        "asked": asked,
        "moved": asked != customer[0],
        "aliases": customer[2],
        "nodes": [
            {**x._asdict(), "inside": inside}
            for inside, some in ((True, found.members), (False, found.others))
            for x in some
        ],
        "nodes_left_out": found.left_out,
        "links": [
            {"a": places[line.a], "b": places[line.b], "refused": line.refused, **link_json(line.link)}
            for line in found.lines
        ],
        "links_left_out": found.lines_left_out,
        **freshness_json(freshness),
    }


def change_json(change: Change) -> dict[str, Any]:
    """What happened to a customer; `identifiers` is how many came to it."""
    return {
        "kind": change.kind,
        "at": time_json(change.at),
        "customer_id": change.customer_id,
        "previous": change.previous,
        "identifiers": len(change.identifiers),
        "cause": change.cause and msgspec.to_builtins(change.cause),
        "generation": change.generation,
    }


def link_json(link: Link) -> dict[str, Any]:
    """When a link was seen, and what a steward said of it last."""
    seen = link.last_seen != PAST
    return {
        "first_seen": time_json(link.first_seen) if seen else None,
        "last_seen": time_json(link.last_seen) if seen else None,
        "first_ingested": time_json(link.first_ingested) if seen else None,
        "verdict": _VERDICTS[link.verdict],
        "decided_at": time_json(link.decided_at) if link.decided_at != PAST else None,
    }


def permitted_json(found: Permitted) -> dict[str, Any]:
    """Whether a customer permits something: `allowed`, `denied` or `unknown`, why, and until when."""
    until = found.until
    return {**found._asdict(), "until": None if until is None else time_json(until)}


def stated_json(x: Identifier, about: Permission, statement: Statement) -> dict[str, Any]:
    """What an identifier stated of a permission."""
    begin, end = statement.valid_from, statement.valid_until
    return {
        "identifier": x._asdict(),
        **about._asdict(),
        "status": "withdrawn" if statement.withdrawn else "granted",
        "stated_at": time_json(statement.at),
        "valid_from": None if begin == PAST else time_json(begin),
        "valid_until": None if end == FUTURE else time_json(end),
        "source": statement.source,
        "proof": statement.proof,
        "ingested_at": time_json(statement.ingested_at),
    }


def time_json(moment: int) -> str:
    """Microseconds as RFC 3339."""
    return datetime.fromtimestamp(moment / 1_000_000, UTC).isoformat()


def _joined_by(found: Explanation, tenant: str, history: History) -> dict[str, Any] | None:
    """The change with which the later of the two came to the customer that both are."""
    if not found.same:
        return None
    assert found.a.customer is not None, "both are of one"
    digests = {identifier_digest(end.identifier) for end in (found.a, found.b)}
    changes = history.of(tenant, found.a.customer[0])
    last = next((change for change in reversed(changes) if digests.intersection(change.identifiers)), None)
    return None if last is None else change_json(last)


def _pair_json(a: Identifier, b: Identifier) -> dict[str, Any]:
    return {"a": a._asdict(), "b": b._asdict()}


def freshness_json(freshness: Freshness) -> dict[str, Any]:
    """What an answer rests on.

    `generation`; `through` (RFC 3339, or null where it is not known) and `offsets` (the next message of each
    `topic:partition`), up to which the stream is included; and `stale`.
    """
    through = freshness.through
    moment = time_json(through) if through is not None else None
    return {
        "generation": freshness.generation,
        "through": moment,
        "offsets": dict(freshness.offsets),
        "stale": freshness.stale,
    }
