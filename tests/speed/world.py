"""A generation, a stream on top of it, and what Redis then holds."""

import json

import schemas
from identity import Facts, Identifier, Minter, rulefile
from schemas import ERASURES, Erasure, encode, overlay, records
from schemas.ledger import Ledger
from speed_layer.changes import Teller, unpack
from speed_layer.erasures import ErasureLog
from speed_layer.lane import Lane
from speed_layer.metrics import Metrics
from speed_layer.outbox import Outbox
from tests.graph.published import built, entries, publish
from tests.graph.stream import Stream
from tests.speed.kafka import FakeConsumer, FakeMessage, FakeProducer

KEY = b"a key for tests"
MINTER = Minter(KEY)
RULES = """
identifiers:
  login:  {rank: 1, unique: true}
  mail:   {rank: 2, max: 5}
  cookie: {rank: 9, hot: 3}
"""
TOM, ANN = Identifier("login", "tom"), Identifier("login", "ann")
A, B, C = (Identifier("cookie", name) for name in "abc")
MAIL = Identifier("mail", "x")


def sighting(*identifiers, at=1):
    facts = Facts()
    facts.add_sighting(identifiers, at, at)
    return facts


def generation_of(root, *facts, number=1, rules=RULES):
    """A generation that knows these facts."""
    whole = Facts()
    for some in facts:
        whole.update(some)
    view, _ = built(whole, rulefile.parse(rules), MINTER)
    return publish(root, entries(view), number, rules=rules)


def stream_on(redis, generation):
    return Stream(redis, generation, rulefile.parse(generation.manifest.rules), MINTER)


def teller(generation=1, where=lambda _: None):
    return Teller("default", generation, 7, where)


def told(redis):
    """The changes that wait in the outbox, in their order, as they will be sent."""
    return [unpack(change).change() for _, fields in redis.xrange(overlay.OUTBOX) for change in fields]


def value_of(redis, x, number=1):
    """Version and record of an identifier's node; both empty where the view has none."""
    value = redis.get(overlay.view_prefix(number) + records.node_key("default", x)) or b""
    return overlay.version_of(value), overlay.record_of(value)


def event(at=0, **identifiers):
    """A web event as JSON, so many seconds into 2026."""
    time = f"2026-01-01T{at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}Z"
    return json.dumps({"event_id": f"e{at}", "occurred_at": time, "identifiers": identifiers}).encode()


def erasure(*identifiers, at, offset=0, id_="x-1", **fields):
    """A message of the topic of erasures, appended so many milliseconds after 1970."""
    names = [schemas.Identifier(*x) for x in identifiers]
    said = Erasure(erasure_id=id_, requested_at=at * 1_000, identifiers=names, **fields)
    return FakeMessage(ERASURES, 0, offset, encode(said), at, id_.encode())


def lane_on(redis, generation, messages, erasures=None):
    """A lane on a log of messages, and the broker that it tells."""
    producer = FakeProducer()
    log = FakeConsumer(messages)
    heard = ErasureLog(erasures, Ledger(KEY)) if erasures is not None else None
    return Lane(redis, generation, log, Outbox(redis, producer), KEY, Metrics(), heard), producer
