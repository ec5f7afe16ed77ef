"""Erased from a generation and the stream on top of it: the same as a rebuild that never heard of them."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity import graph, reach, resolve
from tests.graph.published import passing
from tests.graph.stream import Stream
from tests.graph.test_speed_view import standing
from tests.identity.strategies import MINTER, facts_of, logs, numbered, rule_sets
from tests.identity.test_erasure import erasures, latest, without


@pytest.fixture(scope="module", autouse=True)
def spare():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reach, "SPARE", 0)
        patch.setattr(graph, "LARGE", 1)
        yield


@given(rule_sets(), logs, logs, erasures, st.randoms(use_true_random=False), st.integers(1, 6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_workers_that_hear_of_it_one_after_the_other(redis, rules, prefix, suffix, erased, random, batches):
    redis.flushall()
    log = numbered(prefix + suffix)
    known, new = log[: len(prefix)], log[len(prefix) :]
    through = {x: at + len(prefix) // 2 + 1 for x, at in latest(erased).items()}
    left = without(log, through)
    with passing(facts_of(known), rules, MINTER) as (generation, handed_on):
        workers = [Stream(redis, generation, rules, MINTER) for _ in range(2)]
        heard = [False, False]
        for i in range(batches):
            who = random.randrange(2)
            batch = new[i::batches]
            newest = max((at for _, at in batch), default=-1)
            if not heard[who] and (random.random() < 0.5 or newest > min(through.values(), default=99)):
                workers[who]._applier.erase(through, MINTER)
                heard[who] = True
            workers[who].apply(without(batch, through) if heard[who] else facts_of(batch))
        for worker, has_heard in zip(workers, heard, strict=True):
            if not has_heard:
                worker._applier.erase(through, MINTER)
        expected = resolve(left, rules, minter=MINTER, published=handed_on.without(through)).customers
        assert standing(workers[0].view(), facts_of(log).seen) == expected
