"""The quick way against a real Redis: the same records as the careful way, whoever else writes."""

import struct
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain, count
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import exceptions as redis_errors
from redis.backoff import NoBackoff
from redis.retry import Retry

from identity import Facts, Identifier, Seen, resolve, rulefile
from identity.graph import Node
from identity.notation import DAY
from schemas import overlay, records
from schemas.again import seen_again
from speed_layer import apply, commit, contention
from speed_layer.commit import SINGLE_TOGETHER, Committer
from speed_layer.errors import Contention, LostView
from speed_layer.grouping import sliced
from speed_layer.quick import Quick, quick
from speed_layer.view import SpeedView
from tests.graph.published import passing
from tests.graph.stream import Stream
from tests.graph.test_speed_view import expected, standing
from tests.identity.strategies import MINTER as MINTER_OF_LOGS
from tests.identity.strategies import facts_of, numbered, signs_of
from tests.speed.test_growth import any_logs, any_rules, deliveries
from tests.speed.world import (
    ANN,
    MAIL,
    MINTER,
    RULES,
    TOM,
    A,
    B,
    C,
    generation_of,
    sighting,
    stream_on,
    value_of,
)

few = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
as_ofs = st.sampled_from([None, None, 10, 25])
# In microseconds since 1970: only times of today are replaced where they stand in a record.
todays = st.sampled_from([0, 1 << 50])


def numbered_on(today, log):
    return [
        (replace(event, occurred_at=event.occurred_at + today), at + today) for event, at in numbered(log)
    ]


def on(today, as_of):
    return as_of if as_of is None else as_of + today


def carefully(stream, facts):
    """Apply facts without the quick way."""
    with mock.patch.object(apply, "quick", return_value=Quick(rest=facts)):
        return stream.apply(facts)


@pytest.fixture
def world(redis, tmp_path):
    """Two workers on a generation that knows these sightings."""

    def build(*known):
        generation = generation_of(tmp_path, *[sighting(*together) for together in known])
        return stream_on(redis, generation), stream_on(redis, generation)

    return build


def records_in(redis, generation):
    """Every record of the view, decoded, and every id of now; without versions, for these tell the way taken.

    So does a tombstone of what the generation does not have: it came and went.
    """
    prefix = overlay.view_prefix(1)
    found = {}
    for key in redis.scan_iter(match=prefix + b"[nc]*"):
        record = overlay.record_of(redis.get(key))
        decode = records.decode_node if key.startswith(prefix + b"n") else records.decode_customer
        if record:
            found[key] = decode(record)
        elif generation.get([bare := key.removeprefix(prefix)]):
            found[bare] = None
    # An id that a customer had only between two steps of a batch tells the way, too.
    of_now = {node.customer for node in found.values() if isinstance(node, Node)}
    for customer_id in of_now - {""}:
        key, field = overlay.id_field("default", customer_id)
        found[customer_id] = redis.hget(key, field)
    return found


@given(any_rules, any_logs, any_logs, as_ofs, deliveries(), todays, st.sampled_from([1, 3, 1_000]))
@few
def test_the_quick_way_writes_what_the_careful_way_writes(
    redis, rules, prefix, suffix, as_of, deliver, today, most
):
    log, as_of = numbered_on(today, prefix + suffix), on(today, as_of)
    batches = [facts_of(batch) for batch in deliver(log[len(prefix) :])]
    outcomes = []
    with passing(facts_of(log[: len(prefix)]), rules, MINTER_OF_LOGS, as_of) as (generation, _):
        for apply_ in (Stream.apply, carefully):
            redis.flushall()
            stream = Stream(redis, generation, rules, MINTER_OF_LOGS, as_of)
            with mock.patch.object(apply, "SLICE", most):
                for batch in batches:
                    apply_(stream, batch)
            outcomes.append(records_in(redis, generation))
    assert outcomes[0] == outcomes[1]


def settled_by(*arguments):
    """What the quick way settles, all of it."""
    settled = quick(*arguments)
    assert len(settled.grown) == 0 <= len([*settled.updates]) == len(settled.grown)
    return settled


def settled_on(stream, facts, rules=None, as_of=None):
    view = stream.view()
    widen = partial(stream._committer.widen, view, stream.state.epoch)
    (part,) = sliced(facts, apply.SLICE)
    return settled_by(view, part, widen, rules or stream._rules, MINTER, as_of)


@contextmanager
def after_reading(act):
    """Do something once the quick way has read all that it wants."""

    def late(*arguments):
        settled = settled_by(*arguments)
        with mock.patch.object(apply, "quick", quick):
            act()
        return settled

    with mock.patch.object(apply, "quick", late):
        yield


@contextmanager
def before_read(number, act):
    """Do something before the read of that number, counted from 0; says how many reads there were."""
    load, reads = SpeedView.load, count()

    def load_later(view, keys):
        if keys and next(reads) == number:
            with mock.patch.object(apply, "quick", quick):
                act()
        return load(view, keys)

    with mock.patch.object(SpeedView, "load", load_later):
        yield reads


def while_reading(redis, rules, prefix, mine, theirs, as_of, number, interrupted, today):
    """What comes of it where another worker writes at or in the read of that number, by `interrupted`."""
    redis.flushall()
    log, as_of = numbered_on(today, prefix + mine + theirs), on(today, as_of)
    known, rest = log[: len(prefix)], log[len(prefix) :]
    with passing(facts_of(known), rules, MINTER_OF_LOGS, as_of) as (generation, handed_on):
        stream, other = (Stream(redis, generation, rules, MINTER_OF_LOGS, as_of) for _ in range(2))
        with interrupted(lambda: other.apply(facts_of(rest[len(mine) :]))) as reads:
            stream.apply(facts_of(rest[: len(mine)]))
        if next(reads) <= number:
            other.apply(facts_of(rest[len(mine) :]))
        assert standing(stream.view(), facts_of(log).seen) == expected(log, rules, as_of, handed_on)


@given(any_rules, any_logs, any_logs, any_logs, as_ofs, st.integers(0, 5), todays)
@few
def test_another_worker_may_write_between_any_two_reads(
    redis, rules, prefix, mine, theirs, as_of, number, today
):
    while_reading(redis, rules, prefix, mine, theirs, as_of, number, partial(before_read, number), today)


@contextmanager
def within_read(number, share, act):
    """Do something in the middle of the read of that number, of which so much is done by then."""
    values, reads = SpeedView._values, count()

    def torn(view, keys):
        if next(reads) != number:
            return values(view, keys)
        middle = round(len(keys) * share)
        before = [*values(view, keys[:middle])]
        act()
        return chain(before, values(view, keys[middle:]))

    with mock.patch.object(SpeedView, "_values", torn):
        yield reads


@given(any_rules, any_logs, any_logs, any_logs, as_ofs, st.integers(0, 3), st.floats(0, 1), todays)
@few
def test_another_worker_may_write_in_the_middle_of_a_read(
    redis, rules, prefix, mine, theirs, as_of, number, share, today
):
    """A read of many keys is several commands."""
    torn = partial(within_read, number, share)
    while_reading(redis, rules, prefix, mine, theirs, as_of, number, torn, today)


def test_links_that_are_seen_again_are_no_matter_to_their_customer(world):
    """However crowded it is: nothing else of it is read or written."""
    today = 1 << 50
    stream, other = world([ANN])
    shared = [sighting(A, Identifier("mail", name), at=today) for name in "xyz"]
    for facts in (*shared, sighting(TOM, B, at=today), sighting(A, TOM, at=today)):
        stream.apply(facts)
    facts = sighting(A, TOM, at=today + 5)
    facts.update(sighting(TOM, B, at=today + 6))
    settled = settled_on(stream, facts)
    assert (len(settled.again), settled.founded, settled.grown) == (1, [], [])
    assert settled.rest == Facts()
    # Another worker came first with one end: then none of it is written.
    with after_reading(lambda: other.apply(sighting(A, at=today + 9))):
        assert stream.apply(facts) == 1
    nodes = stream.view().nodes([A, B, TOM])
    assert [nodes[x].seen.last_seen - today for x in (A, B, TOM)] == [9, 6, 6]
    assert nodes[A].edges[TOM].link == nodes[TOM].edges[A].link
    assert nodes[A].edges[TOM].link.last_seen == today + 5


def members(stream, x):
    view = stream.view()
    first = view.nodes([x])[x].first
    return view.customers([first])[first].members


def test_a_read_that_does_not_fit_the_one_before_is_done_again(world):
    """Their newcomer gives the customer another name after we read that it has the old one."""
    stream, other = world([TOM, B], [TOM, C])
    with before_read(1, lambda: other.apply(sighting(A, TOM, at=2))):
        stream.apply(sighting(B, C, at=3))
    assert members(stream, TOM) == (A, B, C, TOM)
    assert stream.view().nodes([B])[B].edges.keys() == {TOM, C}


def test_what_was_read_twice_counts_as_it_was_first_read(world):
    """Their link takes C into the customer whose members are read, after we read that C is alone."""
    stream, other = world([TOM, B], [C])
    facts = sighting(A, TOM, at=3)
    facts.update(sighting(C, MAIL, at=3))
    with before_read(1, lambda: other.apply(sighting(C, TOM, at=2))):
        assert stream.apply(facts)
    assert members(stream, TOM) == (A, B, C, TOM, MAIL)
    nodes = stream.view().nodes([C, TOM])
    assert (nodes[C].edges.keys(), nodes[TOM].edges.keys()) == ({TOM, MAIL}, {A, B, C})


@pytest.mark.parametrize("together", [(TOM, A), (A, TOM)])
def test_one_end_was_read_before_another_worker_linked_it_the_other_after(world, together):
    stream, other = world([ANN])
    with within_read(0, 0.5, lambda: other.apply(sighting(*together, at=2))):
        stream.apply(sighting(*together, at=3))
    assert members(stream, TOM) == (A, TOM)
    assert stream.view().nodes([A])[A].edges[TOM].link.last_seen == 3


@pytest.mark.parametrize("torn", [KeyError, AssertionError])
def test_what_upkeep_trips_over_is_tried_again_only_if_something_moved(world, torn):
    stream, other = world([TOM, A])
    facts = sighting(ANN, A, at=2)
    careful = apply.upkeep

    def torn_by(act):
        def once(*arguments, **options):
            apply.upkeep = careful
            careful(*arguments, **options)
            act()
            raise torn

        return mock.patch.object(apply, "upkeep", once)

    with torn_by(lambda: other.apply(sighting(C, MAIL))), pytest.raises(torn):
        stream.apply(facts)
    with torn_by(lambda: other.apply(sighting(TOM, B, at=2))):
        assert stream.apply(facts) == 1
    assert members(stream, TOM) == (B, TOM)
    assert members(stream, ANN) == (A, ANN)


def test_upkeep_reads_again_what_another_tore_between_two_of_its_reads(world):
    stream, other = world([TOM, B], [TOM, C], [ANN, MAIL])
    with before_read(1, lambda: other.apply(sighting(A, TOM, at=2))):
        assert carefully(stream, sighting(ANN, B, at=3)) == 1
    assert members(stream, TOM) == (A, C, TOM)
    assert members(stream, ANN) == (B, ANN, MAIL)


def dumped(redis):
    return {key: redis.dump(key) for key in redis.scan_iter()}


@pytest.mark.parametrize("known", ["by the generation", "by the stream"])
def test_one_that_is_seen_again_gets_wider_times_and_a_version(redis, world, known):
    stream, _ = world([TOM, A] if known == "by the generation" else [ANN])
    if known == "by the stream":
        stream.apply(sighting(TOM, A))
    before, (version, record) = dumped(redis), value_of(redis, A)
    stream.apply(sighting(A, at=5))
    after, (now, wider) = dumped(redis), value_of(redis, A)
    (changed,) = [key for key in after if after[key] != before.get(key)]
    assert changed == overlay.view_prefix(1) + records.node_key("default", A)
    assert now == struct.pack(">Q", overlay.next_version(version))
    if known == "by the stream":
        assert wider == seen_again(record, Seen(1, 5, 1))
    node = records.decode_node(wider)
    assert (node.seen, node.edges.keys(), node.customer) == (
        (1, 5, 1),
        {TOM},
        stream.view().nodes([TOM])[TOM].customer,
    )
    # Nothing of this widens it: nothing is written.
    for facts in (sighting(A, at=5), sighting(A, at=3), sighting(A, TOM), Facts()):
        assert stream.apply(facts) == 0
        assert dumped(redis) == after
    earlier = Facts()
    earlier.add_sighting([A], -4, 9)
    stream.apply(earlier)
    assert stream.view().nodes([A])[A].seen == (-4, 5, 1)


def test_what_the_quick_way_leaves(world):
    """An older one may give another id, an expired one come back to life."""
    stream, _ = world([TOM, A], [B])
    older, two = sighting(A, at=0), sighting(TOM, ANN, at=2)
    for facts in (older, two):
        settled = settled_on(stream, facts)
        assert (settled.again, settled.founded, settled.grown) == ([], [], [])
        assert settled.rest == facts
    expiring = rulefile.parse("identifiers: {cookie: {rank: 1, max_age: 1d}}")
    new = sighting(C, at=1)
    assert settled_on(stream, new, expiring, 2 * DAY).rest == new
    assert settled_on(stream, new, expiring, DAY).founded


STALE = rulefile.parse(f"{RULES}\nstale: {{mail: {{after: {{hard_bounce: 1}}, revived_by: click}}}}")


def mailed(outcome, *together, at=1):
    facts = sighting(*together, at=at)
    facts.add_signs(MAIL, signs_of(outcome, at))
    return facts


def test_a_sign_of_life_needs_no_decision_and_a_failure_does(redis, tmp_path):
    stream = Stream(redis, generation_of(tmp_path, sighting(MAIL, TOM)), STALE, MINTER)
    year = 1 << 45  # microseconds

    def settled(facts):
        return settled_on(stream, facts)

    def known():
        return stream.view().nodes([MAIL])[MAIL]

    (again,) = settled(mailed("click", MAIL, at=year + 5)).again
    assert again.who == MAIL
    failure = mailed("hard_bounce", MAIL, at=year + 4)
    assert settled(failure).rest == failure
    for facts in (mailed("click", MAIL, at=year + 5), failure):
        stream.apply(facts)
    assert (known().seen.last_seen, known().signs.revived, known().stale) == (year + 5, year + 5, None)
    assert settled(mailed("click", MAIL, at=year + 3)) == (Quick(growing=mock.ANY))
    stream.apply(mailed("hard_bounce", MAIL, at=year + 6))
    assert known().stale == year + 6
    click = mailed("click", MAIL, at=year + 7)
    assert settled(click).rest == click
    stream.apply(click)
    assert known().stale is None


def test_signs_of_one_who_is_met_with_somebody_shut_are_not_lost(redis, tmp_path):
    hot = [sighting(A, Identifier("mail", name)) for name in "1234"]
    stream = Stream(redis, generation_of(tmp_path, *hot), STALE, MINTER)
    stream.apply(mailed("hard_bounce", MAIL, A, at=5))
    assert stream.view().nodes([MAIL])[MAIL].stale == 5


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ([B], [B]),  # seen again, or newly founded
        ([B], [B, TOM]),
        ([C], [C]),
        ([C], [C, TOM]),
        ([TOM, C], [TOM, C]),  # grown
        ([TOM, C], [TOM, MAIL]),
        ([ANN, C], [ANN, MAIL]),
        ([ANN, C], [ANN]),
    ],
)
def test_who_comes_second_comes_to_the_right_result(world, mine, theirs):
    stream, other = world([TOM, A], [B])
    first, second = sighting(*theirs, at=2), sighting(*mine, at=3)

    with after_reading(lambda: other.apply(first)):
        assert stream.apply(second) == 1
    whole, rules = Facts(), stream._rules
    for facts in (sighting(TOM, A), sighting(B)):
        whole.update(facts)
    published = resolve(whole, rules, minter=MINTER).publish()
    for facts in (first, second):
        whole.update(facts)
    found = standing(stream.view(), whole.seen)
    assert found == resolve(whole, rules, minter=MINTER, published=published).customers
    assert {x: node.seen for x, node in stream.view().nodes(whole.seen).items()} == whole.seen


def test_a_name_that_was_another_customer_s_is_decided_upon(world):
    """The quick way does not know of him, and would meet him again and again: it tries but twice."""
    stream, _ = world([MAIL])
    stream.apply(sighting(TOM, A))
    stream._applier.erase({A: 2}, MINTER)
    assert stream.apply(sighting(ANN, A, at=3)) == 2
    assert members(stream, ANN) == (A, ANN)


def test_conflicts_do_not_go_on_for_ever(world):
    stream, _ = world([TOM, A])
    with (
        mock.patch.object(contention, "MAX_TRIES", 3),
        mock.patch.object(
            Committer, "commit", lambda _self, _view, _epoch, updates, _teller: [False] * len(updates)
        ),
        mock.patch.object(contention.time, "sleep"),
        pytest.raises(Contention, match="3 times"),
    ):
        carefully(stream, sighting(TOM, B, at=2))


def test_nothing_that_grows_is_left_out_where_a_connection_breaks_meanwhile(world):
    stream, _ = world([TOM, A])
    facts = sighting(TOM, B, at=2)
    broken = mock.patch.object(SpeedView, "customers_at", side_effect=redis_errors.ConnectionError("away"))
    with broken, pytest.raises(redis_errors.RedisError, match="away"):
        stream.apply(facts)
    stream.apply(facts)
    assert members(stream, TOM) == (A, B, TOM)


@pytest.fixture
def patient(redis):
    """The client tries once more where a connection breaks, as a worker's does."""
    before = redis.get_retry()
    redis.set_retry(Retry(NoBackoff(), 1))
    yield
    redis.set_retry(before)


@pytest.mark.usefixtures("patient")
def test_all_that_grows_is_sent_again_where_a_connection_breaks_while_it_is_sent(world, monkeypatch):
    stream, _ = world([TOM, A], [B])
    facts = sighting(TOM, C, at=2)
    facts.update(sighting(B, Identifier("cookie", "another"), at=2))
    monkeypatch.setattr(commit, "TOGETHER", 1)
    sent = []

    def break_at_the_second(connection, command):
        sent.append(command)
        if len(sent) == 2:
            raise redis_errors.ConnectionError("away")
        connection_send(connection, command)

    connection_send = commit.send
    monkeypatch.setattr(commit, "send", break_at_the_second)
    stream.apply(facts)
    assert len(sent) > 3
    assert members(stream, TOM) == (A, C, TOM)
    assert len(members(stream, B)) == 2


@pytest.mark.parametrize("facts", [sighting(B, at=5), sighting(C), sighting(TOM, C, at=2)])
def test_nothing_is_written_to_a_view_that_was_lost(redis, world, facts):
    stream, _ = world([TOM, A], [B])
    redis.set(overlay.epoch_key(1), "another")
    before = dumped(redis)
    with pytest.raises(LostView):
        stream.apply(facts)
    assert dumped(redis) == before


def test_more_than_one_call_takes(world):
    """What was met by another is picked out by its number, call by call."""
    stream, other = world([TOM])
    many = [Identifier("cookie", str(i)) for i in range(2 * SINGLE_TOGETHER + 7)]
    taken = [0, SINGLE_TOGETHER - 1, SINGLE_TOGETHER, 2 * SINGLE_TOGETHER + 6]
    for at, met in ((2, len(taken)), (5, 0)):  # found first; widened then, each where it stands
        theirs = [sighting(many[i], at=at + 2) for i in taken]
        facts = Facts()
        for x in many:
            facts.add_sighting([x], at, at)
        with after_reading(lambda theirs=theirs: [other.apply(each) for each in theirs]):
            assert stream.apply(facts) == met
        nodes = stream.view().nodes(many)
        assert [nodes[x].seen.last_seen - at for x in many] == [2 * (i in taken) for i in range(len(many))]
        assert {node.seen[::2] for node in nodes.values()} == {(2, 2)}  # what was lost is said again
        assert len({node.customer for node in nodes.values()}) == len(many)
