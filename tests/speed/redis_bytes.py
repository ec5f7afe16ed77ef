"""What an identifier and a link take in Redis: `python -m tests.speed.redis_bytes [HOW_MANY]`.

For the table in docs/redis.md. Identifiers look like real ones: cookies of 20 characters, logins of 12,
addresses of 21.
"""

import random
import sys
import tempfile
from pathlib import Path

from identity import Facts, Identifier, Minter, rulefile
from schemas import overlay
from speed_layer.changes import Teller
from tests.graph.published import publish
from tests.graph.redis_server import RedisServer
from tests.graph.stream import Stream

RULES = "identifiers: {login: {rank: 1, unique: true}, mail: {rank: 2}, cookie: {rank: 3}}"
EVENTS = 5_000  # in a batch
BEGUN = 1_767_225_600_000_000
WHERE = ("web.events", 3, 123_456_789, "0c5e8f4e2b7d4a519f63a1d0c7b2e894")


def cookie(number):
    return Identifier("cookie", f"{random.Random(number).getrandbits(80):020x}")


def login(number):
    return Identifier("login", f"user{number:08}")


def mail(number):
    return Identifier("mail", f"u{number:08}@example.com")


def star(points):
    """Events of a login with one of its cookies each."""
    return lambda person: [[login(person), cookie(points * person + i)] for i in range(points)]


# By name: how many identifiers and links a customer has, and the events that say so.
SHAPES = {
    "alone": (1, 0, lambda person: [[cookie(person)]]),
    "a pair": (2, 1, lambda person: [[login(person), cookie(person)]]),
    "three of one event": (3, 3, lambda person: [[login(person), mail(person), cookie(person)]]),
    "a login with 5 cookies": (6, 5, star(5)),
    "a login with 20 cookies": (21, 20, star(20)),
}


def measure(redis, generation, shape, identifiers):
    """Bytes for each identifier, for each link, and of each kind of key; and of a change that waits."""
    size, links, events_of = SHAPES[shape]
    people = identifiers // size
    redis.flushall()
    stream = Stream(redis, generation, rulefile.parse(RULES), Minter(b"a key for tests"))
    before = used(redis)
    events = [event for person in range(people) for event in events_of(person)]
    for start in range(0, len(events), EVENTS):
        facts = Facts()
        for i, event in enumerate(events[start : start + EVENTS], start):
            facts.add_sighting(event, BEGUN + i, BEGUN + i)
        stream.apply(facts)
    total = used(redis) - before
    return {
        "per identifier": total / (people * size),
        "per link": total / (people * links) if links else None,
        "node": kind(redis, b"v1:n", people * size),
        "customer": kind(redis, b"v1:c", people),
        "id": kind(redis, b"i", people),
    }


def change(redis, generation, identifiers):
    """Bytes of a change while it waits."""
    redis.flushall()
    stream = Stream(redis, generation, rulefile.parse(RULES), Minter(b"a key for tests"))
    facts = Facts()
    for i in range(identifiers):
        facts.add_sighting([cookie(i)], BEGUN + i, BEGUN + i)
    teller = Teller("default", 1, BEGUN, lambda _: WHERE)
    stream._applier.apply(facts, Minter(b"a key for tests"), teller)
    return redis.memory_usage(overlay.OUTBOX, samples=0) / identifiers


def used(redis):
    return redis.info("memory")["used_memory"]


def kind(redis, prefix, among):
    """The bytes of all keys of a kind, shared out."""
    pipeline = redis.pipeline(transaction=False)
    for key in redis.scan_iter(match=overlay.ROOT + prefix + b"*", count=5_000):
        pipeline.memory_usage(key, samples=0)
    return sum(pipeline.execute()) / among


def main(identifiers):
    with RedisServer() as server, tempfile.TemporaryDirectory() as directory:
        redis = server.client()
        print(redis.info("server")["redis_version"], redis.info("memory")["mem_allocator"], identifiers)
        generation = publish(Path(directory), [], rules=RULES)
        for shape in SHAPES:
            found = measure(redis, generation, shape, identifiers)
            print(shape, {name: bytes_ and round(bytes_) for name, bytes_ in found.items()})
        print("a change that waits", round(change(redis, generation, min(identifiers, 50_000))))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
