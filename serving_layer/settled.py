"""Answers as they are told, each with what it rests on; most of them are made from the generation alone.

A generation never changes. So the answer for an identifier is what the generation says of it, for as long as
the overlay holds nothing under the keys that could say otherwise: its node's, its customer's, and where its
certainty follows from a path, those of all members. Whether it does is looked at in the round trip that all
requests share. What the stream has touched is read from both, and stays what it was for as long as the same
stands under those keys.
"""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import msgspec

from identity import UnknownTypeError
from schemas import overlay, records
from serving_layer import questions
from serving_layer.answers import found_json
from serving_layer.generations import Standing
from serving_layer.memory import Memory
from serving_layer.outcome import Outcome, live_links, plain
from serving_layer.reading import MOST_WATCHED, TRIES, Freshness, KeptMoving, Look, Reading, place_of

_encode = msgspec.json.Encoder().encode


class Reader(NamedTuple):
    """For whom answers are written: of which tenant, and whether he may see customers' identifiers."""

    tenant: str
    members: bool


class Settled(msgspec.Struct, frozen=True, gc=False):
    """An answer on one generation: the customer's id, where there is one, and the JSON.

    It holds while under `keys` of the overlay stand `values`; without keys nothing is known of that. The
    collector does not look at it: a server remembers hundreds of thousands.
    """

    generation: int
    keys: tuple[bytes, ...]
    values: tuple[bytes | None, ...]
    customer_id: str | None
    json: bytes


class Answers(NamedTuple):
    """Answers in the order of the questions, all of one generation."""

    found: list[Settled]
    freshness: Freshness

    @property
    def ids(self) -> list[str]:
        """The ids of those that are a customer."""
        return [one.customer_id for one in self.found if one.customer_id is not None]


Remembered = Memory[tuple[Reader, str, str], Settled]
"""By who reads, type and raw value."""


def beneath(standing: Standing, reader: Reader, type_: str, raw: str) -> Settled | None:
    """The answer for an identifier of which the generation knows the customer; else None."""
    try:
        x, reason = standing.observer.identify(type_, raw)
    except UnknownTypeError:
        return None
    if reason is not None:
        return None
    tenant, generation = reader.tenant, standing.generation
    key = records.node_key(tenant, x)
    node, beside = generation.record_and_block(key)
    if node is None:
        return None
    place = place_of(tenant, node)
    told = (records.customer_among(x, beside) or plain(generation.record(place))) if place else None
    outcome = Outcome(x).read(standing, node, told, None)
    customer = outcome.customer
    if customer is None:
        return None
    prefix = overlay.view_prefix(standing.number)
    watched: tuple[bytes, ...]
    if outcome.open:
        keys = _settle(outcome, standing, tenant, records.nodes_among(node[: records.DIGEST], beside))
        watched = tuple([prefix + key for key in keys])
    elif place:
        watched = prefix + key, prefix + place
    else:
        watched = (prefix + key,)
    nothing = (None,) * len(watched)
    return Settled(standing.number, watched, nothing, customer[0], _json(outcome, reader))


def lookup(
    standing: Standing, reader: Reader, asked: Sequence[tuple[str, str]], remembered: Remembered
) -> Generator[Look, Any, Answers]:
    """Who is each of these (type, raw value) pairs? At most `reading.MOST` of them; see `questions.lookup`.

    One look for all that is settled, and others only for what is not, or no longer.
    """
    for _ in range(TRIES):
        known = _known(standing, reader, asked, remembered)
        if known and not any(known):
            return (yield from settle(standing, reader, asked, remembered))
        watched = [key for one in known if one is not None for key in one.keys]
        reading: Reading = yield Look([], watched)
        if reading.standing.number != standing.number:
            standing = reading.standing
            continue
        anew = _unsettled(known, reading)
        if not anew:
            return Answers([one for one in known if one is not None], reading.freshness)
        answers = yield from settle(standing, reader, [asked[i] for i in anew], remembered)
        if answers.freshness.generation == standing.number:
            for i, one in zip(anew, answers.found, strict=True):
                known[i] = one
            stale = answers.freshness.stale
            freshness = answers.freshness if stale or len(anew) == len(known) else reading.freshness
            return Answers([one for one in known if one is not None], freshness)
    raise KeptMoving


def settle(
    standing: Standing, reader: Reader, asked: Sequence[tuple[str, str]], remembered: Remembered
) -> Generator[Look, Any, Answers]:
    """The same, of both stores, whatever is remembered."""
    answer = yield from questions.lookup(standing, reader.tenant, asked)
    generation = answer.freshness.generation
    found = []
    for pair, outcome in zip(asked, answer.found, strict=True):
        found.append(one := _settled(outcome, reader, generation))
        if one.keys:
            remembered.keep((reader, *pair), one)
    return Answers(found, answer.freshness)


def told(answer: questions.Answer, reader: Reader) -> Answers:
    """An answer as it is told to somebody."""
    generation = answer.freshness.generation
    return Answers([_settled(outcome, reader, generation) for outcome in answer.found], answer.freshness)


def _known(
    standing: Standing, reader: Reader, asked: Sequence[tuple[str, str]], remembered: Remembered
) -> list[Settled | None]:
    """What is known of each before anybody is asked, as much as a look may watch."""
    number = standing.number
    known = remembered.find(number, [(reader, type_, raw) for type_, raw in asked])
    for i, one in enumerate(known):
        if one is None:
            pair = asked[i]
            known[i] = made = beneath(standing, reader, *pair)
            if made is not None:
                remembered.keep((reader, *pair), made)
    left = MOST_WATCHED
    if sum([len(one.keys) for one in known if one is not None]) > left:
        for i, one in enumerate(known):
            if one is not None:
                left -= len(one.keys)
                if left < 0:
                    known[i] = None
    return known


def _unsettled(known: Sequence[Settled | None], reading: Reading) -> list[int]:
    """Which are not known, or hold no longer, or may not."""
    if reading.waiting:
        return list(range(len(known)))
    watched = reading.watched
    anew, start = [], 0
    for i, one in enumerate(known):
        if one is None:
            anew.append(i)
            continue
        stop = start + len(one.values)
        if watched[start:stop] != one.values:
            anew.append(i)
        start = stop
    return anew


def _settle(outcome: Outcome, standing: Standing, tenant: str, nodes: list[bytes]) -> list[bytes]:
    """Find its path, given what is known of its members' nodes; returns the keys that it rests on."""
    members = list(outcome.members)
    keys = [records.node_key(tenant, x) for x in members]
    if len(nodes) < len(members):
        nodes = [node for key in keys if (node := standing.generation.record(key))]
    outcome.settle(live_links(members, nodes), standing)
    places = [place for node in nodes if (place := place_of(tenant, node))]
    return list(dict.fromkeys([*keys, *places]))


def _settled(outcome: Outcome, reader: Reader, generation: int) -> Settled:
    customer = outcome.customer
    id_ = None if customer is None else customer[0]
    return Settled(generation, *outcome.rests, id_, _json(outcome, reader))


def _json(outcome: Outcome, reader: Reader) -> bytes:
    return _encode(found_json(outcome, members=reader.members))
