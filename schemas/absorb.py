"""From a record to facts: the one way that the stream, the batch and the simulation share."""

from typing import Final, cast

from identity import Facts, Identifier, Observer, UnknownTypeError, Verdict
from identity.tombstones import ERASED_TYPE, Tombstones
from schemas.codec import decode
from schemas.errors import Malformed
from schemas.events import Absorbed, Consent, Decision, EmailEvent, WebEvent
from schemas.stated import stated
from schemas.topics import CONSENTS, DECISIONS, EMAIL, WEB

_VERDICTS = {"must_link": Verdict.MUST, "cannot_link": Verdict.CANNOT, "undo": Verdict.NONE}

# The topics that decide who is who and what may be done, and so what both layers read.
LOG: Final = (WEB, EMAIL, CONSENTS, DECISIONS)


def accept(topic: str, payload: bytes | None, ingested_at: int) -> Absorbed:
    """Decode a message of a topic in `LOG`. Raises Malformed."""
    if payload is None:
        raise Malformed("a message without a value: the log keeps events, it has nothing to delete")
    # A topic of the log carries nothing else.
    return cast("Absorbed", decode(topic, payload, ingested_at))


def id_of(record: Absorbed) -> str:
    """The id that its producer gave it."""
    if isinstance(record, Decision):
        return record.decision_id
    return record.consent_id if isinstance(record, Consent) else record.event_id


def absorb(
    record: Absorbed,
    observer: Observer,
    facts: Facts,
    ingested_at: int,
    tombstones: Tombstones | None = None,
) -> list[Identifier]:
    """Add to `facts` what a record says; `ingested_at` is its append time in microseconds.

    What it says of those who were erased since does not count; of a decision on one, and on somebody else,
    it is left that the other was seen. Returns the identifiers that it is about. Raises Malformed where no
    rule names a type and for a decision or a consent that cannot hold; then nothing is added.
    """
    try:
        if isinstance(record, Decision):
            return _decide(record, observer, facts, ingested_at, tombstones)
        if isinstance(record, Consent):
            about = _claim(record, observer, facts, ingested_at, tombstones)
        else:
            about = observer.observe(
                facts, record.identifiers, record.properties, record.occurred_at, ingested_at, tombstones
            )
    except UnknownTypeError as error:
        raise Malformed(str(error)) from None
    if isinstance(record, EmailEvent):
        observer.tell(facts, about, record.outcome, record.occurred_at, may_fail=True)
    elif isinstance(record, WebEvent):
        observer.tell(facts, about, record.kind, record.occurred_at, may_fail=False)
    if observer.rules.joining and (claims := stated(record, observer.rules, ingested_at)):
        observer.hear(facts, about, claims)
    return about


def _claim(
    record: Consent,
    observer: Observer,
    facts: Facts,
    ingested_at: int,
    tombstones: Tombstones | None,
) -> list[Identifier]:
    """Whose word it is: each is seen by itself, for a consent says nothing of who is who."""
    screened = observer.screened(record.identifiers)
    if all(fault is not None for _, fault in screened):
        raise Malformed("identifiers: not one of them can be somebody's: this word would count for nobody")
    if tombstones:
        screened = tombstones.left(screened, ingested_at)
    good = [identifier for identifier, fault in screened if fault is None]
    for identifier, fault in screened:
        if fault is not None:
            facts.add_quarantined(identifier, fault)
    for identifier in good:
        facts.add_sighting([identifier], record.stated_at, ingested_at)
    return good


def _decide(
    record: Decision,
    observer: Observer,
    facts: Facts,
    ingested_at: int,
    tombstones: Tombstones | None,
) -> list[Identifier]:
    ends = []
    for end in (record.a, record.b):
        if end.type == ERASED_TYPE:
            continue
        identifier, fault = observer.identify(end.type, end.value)
        if fault is not None:
            raise Malformed(f"a decision on an identifier of type {end.type} that links nobody: {fault}")
        ends.append(identifier)
    if len(ends) == len({*ends}) and tombstones:
        ends = [x for x in ends if not tombstones.erases(x, ingested_at)]
    if len(ends) < 2:  # noqa: PLR2004 - a decision has two ends, or had
        facts.add_sighting(ends, record.decided_at, ingested_at)
        return ends
    if ends[0] == ends[1]:
        raise Malformed("a decision needs two different identifiers; these are one after normalising")
    facts.add_decision(ends[0], ends[1], _VERDICTS[record.verdict], record.decided_at, ingested_at)
    return ends
