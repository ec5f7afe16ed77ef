"""Random rules and logs, small enough that everything collides with everything."""

from dataclasses import dataclass

from hypothesis import strategies as st

from identity import Facts, Identifier, Minter, Rules, TypeRule, Verdict
from identity.consent import Permission, Statement
from identity.facts import FUTURE, PAST, Failure, Signs, Word
from identity.staleness import StaleRule

MINTER = Minter(b"a key for tests")
TYPES = ("account", "mail", "device", "cookie")
OUTCOMES = ("hard_bounce", "soft_bounce", "click")
WORDS = ("objection", "permission")

identifiers = st.builds(Identifier, st.sampled_from(TYPES), st.sampled_from("abcd"))


stale_rules = st.dictionaries(
    st.sampled_from(["mail", "mail", "device"]),
    st.builds(
        StaleRule,
        st.dictionaries(st.sampled_from(["hard_bounce", "soft_bounce"]), st.integers(1, 3), min_size=1),
        st.just(("click",)),
    ),
    max_size=2,
)


@st.composite
def rule_sets(draw):
    types = {}
    for rank, name in enumerate(TYPES, 1):
        types[name] = TypeRule(
            name,
            rank=draw(st.sampled_from([rank, rank, rank, 2])),
            max=1 if rank == 1 else draw(st.sampled_from([1, 2, 3, 100])),
            when_shared=draw(st.sampled_from(["newest", "newest", "oldest", "nobody"])),
            hot=draw(st.sampled_from([None, None, 1, 2, 3])),
            max_age=draw(st.sampled_from([None, None, None, 5, 10])),
        )
    return Rules(types, stale=draw(stale_rules))


@dataclass(frozen=True)
class Event:
    """One line of a log: a sighting, a decision on its first two identifiers, a mail's outcome, or a word."""

    identifiers: tuple[Identifier, ...]
    occurred_at: int
    verdict: Verdict | None = None
    outcome: str | None = None


sightings = st.builds(
    Event, st.lists(identifiers, min_size=1, max_size=3, unique=True).map(tuple), st.integers(0, 20)
)
decisions = st.builds(
    Event,
    st.lists(identifiers, min_size=2, max_size=2, unique=True).map(tuple),
    st.integers(0, 20),
    st.sampled_from(Verdict),
)
mailings = st.builds(
    Event,
    st.lists(identifiers, min_size=1, max_size=2, unique=True).map(tuple),
    st.integers(0, 20),
    st.none(),
    st.sampled_from(OUTCOMES),
)
spoken = st.builds(
    Event,
    st.lists(identifiers, min_size=1, max_size=2, unique=True).map(tuple),
    st.integers(0, 20),
    st.none(),
    st.sampled_from(WORDS),
)
logs = st.lists(
    st.one_of(sightings, sightings, sightings, sightings, decisions, mailings, spoken), max_size=30
)


def numbered(log):
    """Pairs of an event and its ingestion time; two events each share one, as in a log's batches."""
    return [(event, i // 2) for i, event in enumerate(log)]


def signs_of(outcome, at):
    """What an outcome, or a word, tells of an identifier; rules that make nothing of it, let it lie."""
    if outcome in WORDS:
        return Signs(word=Word(at, outcome == "objection"))
    return Signs(revived=at) if outcome == "click" else Signs(failures=(Failure(at, outcome),))


def facts_of(entries):
    facts = Facts()
    for event, ingested_at in entries:
        if event.verdict is None:
            facts.add_sighting(event.identifiers, event.occurred_at, ingested_at)
            if event.outcome is not None:
                for x in event.identifiers:
                    facts.add_signs(x, signs_of(event.outcome, event.occurred_at))
        else:
            facts.add_decision(*event.identifiers, event.verdict, event.occurred_at, ingested_at)
    return facts


# Few words and moments, so that permissions cover and touch each other, and statements meet at one moment.
permissions = st.builds(
    Permission, st.sampled_from("ab"), *[st.sampled_from(["", "", "x", "y"]) for _ in range(3)]
)
statements = st.builds(
    Statement,
    at=st.integers(0, 6),
    withdrawn=st.just(True),
    valid_from=st.just(PAST),
    valid_until=st.just(FUTURE),
    source=st.sampled_from("st"),
    proof=st.sampled_from(["", "p"]),
    ingested_at=st.integers(0, 3),
) | st.builds(
    Statement,
    at=st.integers(0, 6),
    withdrawn=st.just(False),
    valid_from=st.sampled_from([PAST, PAST, 4, 8]),
    valid_until=st.sampled_from([FUTURE, FUTURE, 5, 9]),
    source=st.sampled_from("st"),
    proof=st.sampled_from(["", "p"]),
    ingested_at=st.integers(0, 3),
)
words = st.tuples(identifiers, permissions, statements)
