"""What is told of customers: enough to follow them, once or more, and a repetition is known as such."""

import random

import pytest
from confluent_kafka import KafkaException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity import Facts, Identifier, Verdict
from schemas import CHANGES, DEAD_LETTERS, WEB, Cause, CustomerChange, DeadLetter, decode, encode, overlay
from schemas import Identifier as Named
from speed_layer import outbox
from speed_layer.changes import Told, pack, unpack
from speed_layer.outbox import Outbox
from tests.graph.published import built, passing
from tests.graph.stream import Stream
from tests.identity.strategies import MINTER as MINTER_OF_LOGS
from tests.identity.strategies import facts_of, numbered
from tests.speed.kafka import FakeProducer
from tests.speed.kafka import numbered as messages
from tests.speed.test_growth import any_logs, any_rules, deliveries
from tests.speed.world import (
    ANN,
    MINTER,
    TOM,
    A,
    B,
    event,
    generation_of,
    lane_on,
    sighting,
    stream_on,
    teller,
    told,
)

AT = 1_767_312_000_000  # milliseconds: a day into 2026


@pytest.fixture
def stream(redis, tmp_path):
    """Nobody is known."""
    return stream_on(redis, generation_of(tmp_path))


def tell(redis, stream, facts):
    """Apply facts; returns what is told of them."""
    before = len(told(redis))
    stream._applier.apply(facts, MINTER, teller())
    return told(redis)[before:]


def customer(stream, x):
    return stream.view().nodes([x])[x].customer


def summary(changes):
    return [(c.kind, c.customer_id, c.previous, {(i.type, i.value) for i in c.identifiers}) for c in changes]


def decided(a, b, verdict, at):
    facts = Facts()
    facts.add_decision(a, b, verdict, at, at)
    return facts


@pytest.mark.parametrize("together", [(A,), (TOM, A)])
def test_created(redis, stream, together):
    changes = tell(redis, stream, sighting(*together))
    assert summary(changes) == [("created", customer(stream, A), [], set(together))]
    assert [change.version for change in changes] == [1]


def test_a_newcomer_moved_in(redis, stream):
    stream.apply(sighting(TOM, A))
    assert summary(tell(redis, stream, sighting(TOM, B, at=2))) == [("moved", customer(stream, TOM), [], {B})]


def test_seen_again_is_no_change(redis, stream):
    stream.apply(sighting(TOM, A))
    stream.apply(sighting(B))
    assert tell(redis, stream, sighting(TOM, A, at=2)) == tell(redis, stream, sighting(B, at=2)) == []


@pytest.mark.parametrize("others", [(), (B,)])
def test_merged(redis, stream, others):
    """Quickly where both were alone, and where it must be decided."""
    stream.apply(sighting(TOM, *others))
    stream.apply(sighting(A, at=2))
    old = customer(stream, A)
    changes = tell(redis, stream, sighting(TOM, A, at=3))
    assert summary(changes) == [("merged", customer(stream, TOM), [old], {A})]
    assert old != customer(stream, TOM)


def test_split(redis, stream):
    stream.apply(sighting(TOM, A))
    old = customer(stream, TOM)
    changes = tell(redis, stream, decided(TOM, A, Verdict.CANNOT, 2))
    left = TOM if customer(stream, A) == old else A
    assert summary(changes) == [("split", customer(stream, left), [old], {left})]
    assert tell(redis, stream, decided(TOM, A, Verdict.NONE, 3))  # and back


def test_moved_from_another(redis, stream):
    for at, together in enumerate([(ANN,), (TOM,), (TOM, A)]):
        stream.apply(sighting(*together, at=at))
    changes = tell(redis, stream, sighting(ANN, A, at=4))
    assert summary(changes) == [("moved", customer(stream, ANN), [customer(stream, TOM)], {A})]


def test_who_is_alone_in_the_end_is_told_of(redis, stream):
    """An older first ingestion gives another id."""
    stream.apply(sighting(A, at=5))
    old = customer(stream, A)
    changes = tell(redis, stream, sighting(A, at=1))
    assert summary(changes) == [("merged", customer(stream, A), [old], {A})]
    assert changes[0].version == 2


@given(any_rules, any_logs, any_logs, st.sampled_from([None, 10, 25]), deliveries(), st.integers(0, 9))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_who_follows_the_changes_knows_where_everybody_is(redis, rules, prefix, suffix, as_of, deliver, seed):
    redis.flushall()
    log = numbered(prefix + suffix)
    known = facts_of(log[: len(prefix)])
    with passing(known, rules, MINTER_OF_LOGS, as_of) as (generation, _):
        stream = Stream(redis, generation, rules, MINTER_OF_LOGS, as_of)
        for batch in deliver(log[len(prefix) :]):
            stream._applier.apply(facts_of(batch), MINTER_OF_LOGS, teller())
        nodes = stream.view().nodes(facts_of(log).seen)
    changes = told(redis)
    versions = {}
    for change in changes:
        assert change.version > versions.get(change.customer_id, 0)
        versions[change.customer_id] = change.version
    assert len({change.change_id for change in changes}) == len(changes)
    # Some come twice and none in order: generation and version tell.
    rng = random.Random(seed)
    sent = changes + rng.choices(changes, k=len(changes) // 2) if changes else []
    rng.shuffle(sent)
    follows = {
        x: customer.id
        for customer in built(known, rules, MINTER_OF_LOGS, as_of)[0].all_customers
        for x in customer.members
    }
    for change in sorted(sent, key=lambda change: (change.generation, change.version)):
        follows.update({Identifier(x.type, x.value): change.customer_id for x in change.identifiers})
    standing = {x: node.customer for x, node in nodes.items() if node.fault is None}
    # Who drops out is nobody's any more; of that nobody is told.
    assert {x: follows[x] for x in standing} == standing


def test_a_lane_says_which_message_it_was(redis, tmp_path):
    sent = [event(0, cookie="a"), event(1, login="tom", cookie="b"), b"{", event(3, login="tom", cookie="a")]
    generation = generation_of(tmp_path)
    lane, producer = lane_on(redis, generation, messages(sent, AT))
    assert lane.step(0) == 4
    (merged,) = told(redis)
    assert merged.cause == Cause(topic=WEB, partition=0, offset=3, event_id="e3")
    assert (merged.at, merged.kind, merged.tenant) == ((AT + 3) * 1000, "created", "default")
    (letter,) = [decode(DEAD_LETTERS, value, 0) for topic, value, _ in producer.sent if topic == DEAD_LETTERS]
    assert (letter.offset, letter.value) == (2, b"{")
    lane, _ = lane_on(redis, generation, messages([event(9, login="ann")], AT, start=4))
    assert lane.step(0) == 1
    assert told(redis)[-1].cause == Cause(topic=WEB, partition=0, offset=4, event_id="e9")
    assert lane.step(0) == 0


def test_a_lane_behind_another_tells_nobody(redis, tmp_path):
    lane, producer = lane_on(redis, generation_of(tmp_path), messages([event(0, cookie="a"), b"{"], AT))
    assert lane.step(0, {overlay.partition_field(WEB, 0): 2}) == 2
    assert (told(redis), producer.sent) == ([], [])
    assert lane.state.offsets() == {overlay.partition_field(WEB, 0): 2}


def test_what_is_sent_again_has_the_same_id(redis, stream):
    tell(redis, stream, sighting(TOM, A))
    tell(redis, stream, sighting(ANN, at=2))
    waiting = told(redis)
    producer = FakeProducer()
    box = Outbox(redis, producer)
    producer.away = True
    box.relay()
    with pytest.raises(KafkaException):
        box.relay()
    assert told(redis) == waiting  # refused: they wait
    producer.away = False
    assert (box.relay(), told(redis)) == (0, waiting)  # sent, and not known to have arrived
    box = Outbox(redis, producer)  # as if it had died before it took them out
    assert box.relay() == 0
    assert box.relay() == 2
    assert box.relay() == redis.xlen(overlay.OUTBOX) == 0
    sent = [decode(CHANGES, value, 0) for topic, value, _ in producer.sent]
    assert sent == waiting + waiting
    assert len({change.change_id for change in sent}) == 2


def test_two_generations_tell_two_changes():
    told_ = [Told("t", "created", 1, "c_x", [], [], None, 1, generation) for generation in (1, 2)]
    assert len({each.change().change_id for each in told_}) == 2


def test_changes_wait_while_events_do_but_not_for_ever(redis, stream, monkeypatch):
    monkeypatch.setattr(outbox, "CHUNK", 2)
    monkeypatch.setattr(outbox, "MOST_WAITING", 2)
    producer = FakeProducer()
    box = Outbox(redis, producer)
    for i in range(3):
        assert box.relay(busy=True) == 0
        tell(redis, stream, sighting(Identifier("login", str(i))))
        assert not box.more
    box.relay(busy=True)
    assert box.finish() == len(producer.sent) == 1  # what is too much, and no more
    for _ in range(2):
        assert box.relay(busy=True) == 0
    assert box.relay() == 0
    assert box.more
    assert [box.relay(), box.more, box.relay(), redis.xlen(overlay.OUTBOX)] == [2, False, 0, 0]
    assert len(producer.sent) == 3


def test_a_full_producer_is_waited_for(redis, stream):
    class Full(FakeProducer):
        polled = 0

        def produce(self, *arguments, **options):
            if not self.polled:
                raise BufferError
            super().produce(*arguments, **options)

        def poll(self, timeout):
            self.polled += timeout > 0
            super().poll(timeout)

    tell(redis, stream, sighting(TOM))
    producer = Full()
    box = Outbox(redis, producer)
    box.relay()
    assert box.finish() == len(producer.sent) == producer.polled == 1


def test_what_is_on_its_way_is_sent_once_and_taken_out_when_it_is_there(redis, stream):
    producer = FakeProducer()
    producer.poll = lambda _timeout: 0  # nothing arrives until it is waited for
    box = Outbox(redis, producer)
    for i in range(3):
        tell(redis, stream, sighting(Identifier("login", str(i))))
        assert box.relay() == 0
    assert (redis.xlen(overlay.OUTBOX), producer.sent) == (3, [])
    assert box.finish() == len(producer.sent) == 3
    assert redis.xlen(overlay.OUTBOX) == 0


def test_what_arrives_out_of_turn_waits_for_what_was_sent_before(redis, stream):
    told_ = []

    class Slow(FakeProducer):
        def produce(self, _topic, _value, _key, on_delivery):
            told_.append(on_delivery)

    box = Outbox(redis, Slow())
    for i in range(2):
        tell(redis, stream, sighting(Identifier("login", str(i))))
    box.relay()
    told_[1](None, None)
    assert (box.relay(), redis.xlen(overlay.OUTBOX)) == (0, 2)
    told_[0](None, None)
    assert (box.relay(), redis.xlen(overlay.OUTBOX)) == (2, 0)


def test_a_redis_that_lost_its_data_is_read_from_the_beginning(redis, stream):
    box = Outbox(redis, FakeProducer())
    tell(redis, stream, sighting(TOM))
    box.relay()
    redis.flushall()
    # An id below the one that was read last, as after a clock was set back.
    redis.xadd(overlay.OUTBOX, {pack(Told("t", "created", 1, "c_x", [], [], None, 1, 1)): b""}, id="1-1")
    box.begin_again()
    box.relay()
    assert box.finish() == 1
    assert redis.xlen(overlay.OUTBOX) == 0


times = st.integers(631_152_000_000_000, 1_767_225_600_000_000)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)
longs = st.integers(0, 2**63 - 1)
tolds = st.builds(
    Told,
    tenant=st.just("default"),
    kind=st.sampled_from(["created", "merged", "split", "moved"]),
    at=times,
    customer_id=texts,
    previous=st.lists(texts, max_size=2),
    identifiers=st.lists(st.tuples(st.sampled_from(["login", "cookie"]), texts), max_size=3),
    cause=st.none() | st.tuples(texts, st.integers(0, 2**31 - 1), longs, texts),
    version=longs,
    generation=longs,
)


@given(tolds)
@settings(max_examples=100, deadline=None)
def test_a_change_is_what_was_told(told_):
    packed = pack(told_)
    assert unpack(packed) == told_
    change = unpack(packed).change()
    assert isinstance(change, CustomerChange)
    assert decode(CHANGES, encode(change), 0) == change
    assert change.identifiers == [Named(*x) for x in told_.identifiers]
    assert (change.cause is None) == (told_.cause is None)
    if change.cause is not None:
        cause = change.cause
        assert (cause.topic, cause.partition, cause.offset, cause.event_id) == told_.cause
    assert (change.kind, change.at, change.previous, change.version, change.generation) == (
        *(told_.kind, told_.at, told_.previous, told_.version, told_.generation),
    )
    assert change.change_id == f"{told_.customer_id}.{told_.generation}.{told_.version}"


def test_dead_letters_have_arrived_or_it_is_said(redis):
    producer = FakeProducer()
    letter = DeadLetter(topic=WEB, partition=1, offset=7, ingested_at=0, value=b"{", key=None, reason="why")
    Outbox(redis, producer).send_dead_letters([letter])
    assert producer.sent == [(DEAD_LETTERS, encode(letter), b"web.events:1:7")]
    producer.away = True
    with pytest.raises(KafkaException):
        Outbox(redis, producer).send_dead_letters([letter])
