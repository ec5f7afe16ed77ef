"""Calls to Redis, each sent while the one before is at work."""

import pytest

from identity import Facts, Identifier
from speed_layer import commit
from speed_layer.commit import Committer
from speed_layer.quick import Quick, SeenAgain
from tests.speed.world import generation_of, stream_on


@pytest.fixture
def stream(redis, tmp_path):
    return stream_on(redis, generation_of(tmp_path))


def test_a_script_that_redis_forgot_is_brought_along(redis, stream, monkeypatch):
    monkeypatch.setattr(commit, "SINGLE_TOGETHER", 2)
    many = [Identifier("cookie", str(i)) for i in range(7)]
    for at in (1, 2):
        redis.script_flush()
        facts = Facts()
        for x in many:
            facts.add_sighting([x], at, 1)
        assert stream.apply(facts) == 0
        assert {node.seen.last_seen for node in stream.view().nodes(many).values()} == {at}


def test_replies_that_nobody_took_are_no_answer_to_another(redis, stream, monkeypatch):
    monkeypatch.setattr(commit, "SINGLE_TOGETHER", 1)
    x = Identifier("cookie", "a")
    nodes = [SeenAgain(x, (1, b"key", b"version", b"value")), SeenAgain(x, None)]
    redis.set("mine", "kept")
    with pytest.raises(TypeError):
        Committer(redis, 1).commit_quick(stream.view(), stream.state.epoch, Quick(again=nodes), None)
    assert redis.get("mine") == b"kept"
