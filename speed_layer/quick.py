"""The quick way for a batch: what needs no decision is settled from what three reads bring.

1. What was only seen, alone, is widened where it stands: a script in Redis does what `schemas.again` says
   of one record. It hands out who is left: whom only the generation knows; whom nobody knows, who is a new
   customer then; and whose time alone is not all, who are a group, or part of one.
2. The other nodes that the batch names come in one read, not decoded. They fall into groups that hang
   together by the batch's links and by the customers that they touch. One that says nothing but that links
   which live within one customer were seen again is written back with wider times (`schemas.again`), whatever
   else its identifiers are linked with: such a link changes nothing (docs/decisions/0007).
3. The customers that the others join, in one read; and in one more their members, where several customers
   become one, or where somebody may come to stand first in one, so that its record gets another name, or its
   customer another id.
4. Each of these grows (`identity.growth`), or is left to `upkeep`, together with its facts.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from redis.exceptions import ConnectionError, RedisError, TimeoutError  # noqa: A004

from identity import Facts, Identifier, Minter, Rules, Seen, staleness
from identity.facts import NO_WORD, PAST, Link, Signs
from identity.graph import Node
from identity.screen import expiry
from identity.upkeep import Update
from schemas import overlay, records
from schemas.again import met_again, seen_again
from speed_layer.grouping import Group, Part, add_alone, grouped, without_shut
from speed_layer.growing import growths
from speed_layer.view import Loaded, SpeedView

# Widens the times of nodes where they stand, and hands out those that are left as they are.
Widen = Callable[[Mapping[Identifier, Seen]], Iterator[tuple[Identifier, Loaded]]]

_FIRST = overlay.value(overlay.next_version(), b"")


class SeenAgain(NamedTuple):
    """Nodes that were only seen again: one identifier, or a group.

    `write` is what again.lua takes: how many, then of each key, version as read, and new value.
    """

    who: Identifier | Group
    write: Sequence[Any]


class Founded(NamedTuple):
    """An identifier that nobody knew, and the customer that it is by itself.

    `write` is what found.lua takes but for the change: key and value of the node, key and field of the id.
    """

    who: Identifier
    customer_id: str
    write: tuple[bytes, bytes, bytes, bytes]


@dataclass(slots=True)
class Quick:
    """What a batch comes to: what is written at once, and the facts that must be decided upon.

    What grows is found out when `updates` are asked for: until then Redis may work at the rest. With the last
    of them `grown` and `rest` are complete.
    """

    again: list[SeenAgain] = field(default_factory=list)
    founded: list[Founded] = field(default_factory=list)
    growing: Iterator[tuple[Group, Update]] = field(default_factory=lambda: iter(()))
    grown: list[tuple[Group, Update]] = field(default_factory=list)
    rest: Facts = field(default_factory=Facts)

    @property
    def updates(self) -> "Updates":
        """Of all that grows."""
        return Updates(self)


@dataclass(frozen=True, slots=True)
class Updates:
    """Updates of all that grows: all of them each time, for whoever sends them may have to begin again.

    Going through them raises RedisError.
    """

    settled: Quick

    def __iter__(self) -> Iterator[Update]:
        grown = self.settled.grown
        yield from [update for _, update in grown]
        try:
            for growth in self.settled.growing:
                grown.append(growth)
                yield growth[1]
        except (ConnectionError, TimeoutError) as error:
            # An error that the client does not try again: the rest of what grows would not be asked for.
            raise RedisError(f"while customers were read: {error}") from error


def leave(who: Identifier | Group, facts: Facts, rest: Facts) -> None:
    """Let what facts say of somebody be part of the rest."""
    if isinstance(who, Group):
        who.add_to(rest)
        return
    rest.seen[who] = facts.seen[who]
    if who in facts.signs:
        rest.signs[who] = facts.signs[who]


def quick(
    view: SpeedView, part: Part, widen: Widen, rules: Rules, minter: Minter, as_of: int | None
) -> Quick:
    """Settle what can be settled without a decision."""
    result = Quick()
    facts = part.facts
    seen, signs = facts.seen, facts.signs
    tied = dict.fromkeys(chain.from_iterable(part.links))
    signed = [x for x in part.alone if x in signs]
    reading = view.read([*tied, *signed])
    left = widen({x: seen[x] for x in part.alone if x not in signs})
    read = dict(zip(tied, reading, strict=False))
    known = {x: loaded.record for x, loaded in read.items() if loaded.record}
    groups = []
    for group in grouped(facts, without_shut(part, known, result.rest), known):
        write = _again(group, read)
        if write is None:
            groups.append(group)
        elif write:
            result.again.append(SeenAgain(group, write))
    alone = _Alone(result, facts, rules, minter, expiry(rules, as_of))
    unsettled: dict[Identifier, bytes] = {}
    for x, loaded in chain(zip(signed, reading, strict=True), left):
        if alone.settle(x, loaded):
            continue
        if loaded.record:
            unsettled[x] = loaded.record
        else:
            leave(x, facts, result.rest)
    add_alone(groups, facts, unsettled)
    known.update(unsettled)
    result.growing = growths(view, groups, known, result.rest, rules, minter, as_of)
    return result


@dataclass(slots=True)
class _Alone:
    """Settles identifiers that were met without another."""

    result: Quick
    facts: Facts
    rules: Rules
    minter: Minter
    oldest: Mapping[str, int]

    def settle(self, x: Identifier, loaded: Loaded) -> bool:
        """Whether there was nothing to decide."""
        key, version, record = loaded
        seen, signs = self.facts.seen[x], self.facts.signs.get(x)
        if not record:
            # Of who is gone a version is left, which found.lua would take for somebody.
            return not version and self._found(x, seen, signs, key)
        if signs is None:
            again = seen_again(record, seen)
        else:
            again = met_again(record, seen, (), signs.revived) if _is_life(signs) else None
        if again is None:
            return False
        if again is not record:
            self.result.again.append(SeenAgain(x, (1, key, version, overlay.following(version, again))))
        return True

    def _found(self, x: Identifier, seen: Seen, signs: Signs | None, key: bytes) -> bool:
        if seen[1] < self.oldest.get(x[0], PAST):
            return False
        if signs is not None and staleness.since(x, signs, self.rules) is not None:
            return False
        customer_id = self.minter.mint(x, seen[2])
        if signs is None:
            record = records.encode_lone(x, seen, customer_id)
        else:
            node = Node(x, seen, customer=customer_id, first=x, lone=True, signs=signs)
            record = records.encode_node(node)
        bucket = overlay.id_field(self.minter.tenant, customer_id)
        self.result.founded.append(Founded(x, customer_id, (key, _FIRST + record, *bucket)))
        return True


def _is_life(signs: Signs) -> bool:
    """Whether these are of life, and of nothing else."""
    return not signs.failures and signs.word == NO_WORD


def _again(group: Group, read: Mapping[Identifier, Loaded]) -> list[Any] | None:
    """What again.lua takes of a group that only met again, empty if that is nothing new; else None."""
    if len(group.places) != 1 or not all(map(_is_life, group.signs.values())):
        return None
    (place,) = group.places
    links: defaultdict[Identifier, list[tuple[Identifier, Link]]] = defaultdict(list)
    for (a, b), link in group.links.items():
        links[a].append((b, link))
        links[b].append((a, link))
    write: list[Any] = [0]
    for x, seen in group.seen.items():
        key, version, record = read[x]
        if records.customer_digest(record) != place:
            return None
        signs = group.signs.get(x)
        again = met_again(record, seen, links[x], signs.revived if signs is not None else PAST)
        if again is None:
            return None
        if again is not record:
            write[0] += 1
            write += (key, version, overlay.following(version, again))
    return write if write[0] else []
