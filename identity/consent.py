"""Consent: what somebody permits, as claims of identifiers, and what holds for a customer.

A statement grants or withdraws a permission. For each identifier and permission the latest statement
holds; of two at the same moment the more restrictive, and beyond that the order is total. So claims merge
by maximum and form a join-semilattice, as all facts do (`identity.facts`; the laws stand in
`tests/identity/test_consent.py`).

A customer's standing is a function of the claims of all members, so a merge or a split needs no work of
its own. Times are microseconds since the epoch, UTC.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple

from identity.facts import FUTURE, PAST

# So that nothing is unbounded: of an identifier's permissions, those that were spoken of last.
MOST: Final = 100

Status = Literal["allowed", "denied", "unknown"]
Reason = Literal["granted", "withdrawn", "expired", "not_yet", "nothing_stated"]


class Permission(NamedTuple):
    """What may be done. Channel, brand or locale left empty stand for all of them."""

    purpose: str
    channel: str = ""
    brand: str = ""
    locale: str = ""

    def covers(self, other: "Permission") -> bool:
        """Whether a word on this is a word on all of the other."""
        return self[0] == other[0] and all(
            not mine or mine == its for mine, its in zip(self[1:], other[1:], strict=True)
        )

    def overlaps(self, other: "Permission") -> bool:
        """Whether a word on this is a word on some of the other."""
        return self[0] == other[0] and all(
            not mine or not its or mine == its for mine, its in zip(self[1:], other[1:], strict=True)
        )


def permission(purpose: str, channel: str = "", brand: str = "", locale: str = "") -> Permission:
    """The permission that somebody's words mean: case and space around them make no difference."""
    return Permission(*(word.strip().casefold() for word in (purpose, channel, brand, locale)))


class Statement(NamedTuple):
    """A word on a permission: `at` is when it was said, in event time.

    A grant may hold for a time, from `valid_from` to before `valid_until`; a withdrawal holds until it is
    taken back. `proof` is an opaque reference or a hash of what proves it, `source` who asked.
    """

    at: int
    withdrawn: bool
    valid_from: int = PAST
    valid_until: int = FUTURE
    source: str = ""
    proof: str = ""
    ingested_at: int = FUTURE

    @property
    def order(self) -> tuple[int, bool, int, int, str, str, int]:
        """The larger holds: the later; then the more restrictive; then whatever, but always the same."""
        return (
            self.at,
            self.withdrawn,
            -self.valid_until,
            self.valid_from,
            self.source,
            self.proof,
            -self.ingested_at,
        )


# What one identifier claims: the statement that holds of each permission.
Claims = dict[Permission, Statement]


def claim(claims: Claims, about: Permission, statement: Statement) -> None:
    """Add a statement to an identifier's claims."""
    known = claims.get(about)
    # Mostly the time decides.
    if (
        known is None
        or known[0] < statement[0]
        or (known[0] == statement[0] and known.order < statement.order)
    ):
        claims[about] = statement


def merge(claims: Claims, others: Mapping[Permission, Statement]) -> Claims:
    """The claims of both, as much as is kept."""
    merged = dict(claims)
    for about, statement in others.items():
        claim(merged, about, statement)
    return kept(merged)


def kept(claims: Claims) -> Claims:
    """The claims without those beyond MOST.

    Whatever is dropped has MOST before it that only move further up, so it does not matter when.
    """
    if len(claims) <= MOST:
        return claims
    newest = sorted(claims.items(), key=lambda item: (item[1].order, item[0]))[-MOST:]
    return dict(newest)


class Standing(NamedTuple):
    """Whether something is permitted, why, and until when (None: until something else is said)."""

    status: Status
    reason: Reason
    until: int | None = None


UNKNOWN: Final = Standing("unknown", "nothing_stated")


def standing(members: Iterable[Mapping[Permission, Statement]], asked: Permission, at: int) -> Standing:
    """Whether a customer permits what is asked at a moment, by the claims of all members.

    Of each member the latest word counts: of grants those that cover what is asked, of withdrawals also
    those that touch a part of it. Where one member's is a withdrawal, nothing is permitted; else the newest
    of the grants says from when and until when.
    """
    newest: Statement | None = None
    for claims in members:
        word = _latest(claims, asked)
        if word is not None and word.withdrawn:
            return Standing("denied", "withdrawn")
        if word is not None and (newest is None or newest.order < word.order):
            newest = word
    if newest is None:
        return UNKNOWN
    if newest.valid_until <= at:
        return Standing("denied", "expired")
    if at < newest.valid_from:
        return Standing("denied", "not_yet", newest.valid_from)
    return Standing("allowed", "granted", None if newest.valid_until == FUTURE else newest.valid_until)


def _latest(claims: Mapping[Permission, Statement], asked: Permission) -> Statement | None:
    words = (
        statement
        for about, statement in claims.items()
        if (about.overlaps(asked) if statement.withdrawn else about.covers(asked))
    )
    return max(words, key=lambda statement: statement.order, default=None)


Said = tuple[Permission, Statement]


def changes(history: Iterable[Said]) -> list[Said]:
    """A history without what only repeats the word before on the same permission; oldest first."""
    return list(differing(sorted(history, key=lambda said: (said[1].order, said[0]))))


def differing(ordered: Iterable[Said]) -> Iterator[Said]:
    """The same of statements in their order, one by one."""
    last: dict[Permission, tuple[object, ...]] = {}
    for about, statement in ordered:
        word = (statement.withdrawn, statement.valid_from, statement.valid_until, statement.source)
        if last.get(about) != word:
            last[about] = word
            yield about, statement
