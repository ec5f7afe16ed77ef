"""What was deleted from Redis for an erasure is not left in its append-only file."""

import pytest

from deploy.awaiting import until
from schemas import overlay
from speed_layer.rewriting import Rewriting
from tests.graph.published import publish

NAME = b"ann@example.org"


@pytest.fixture
def live(tmp_path):
    """A generation that knows of an erasure."""
    return publish(tmp_path, [], 2, rules="identifiers: {login: {rank: 1}}", erased=7)


@pytest.fixture
def file(server, redis):
    """All bytes of the file that Redis appends to."""
    redis.config_set("aof-use-rdb-preamble", "no")
    redis.config_set("auto-aof-rewrite-percentage", 0)
    redis.config_set("appendonly", "yes")
    home = server.socket.parent

    def written():
        until(lambda: not redis.info("persistence")["aof_rewrite_in_progress"], "Redis to write its file")
        return b"".join(path.read_bytes() for path in home.rglob("*") if ".aof" in path.name)

    written()
    yield written
    redis.config_set("appendonly", "no")


def test_the_file_is_written_anew_once_readers_have_left(redis, file, live):
    redis.set("x", NAME)
    redis.delete("x")
    redis.sadd(overlay.LEFT, 1)
    rewriting = Rewriting(redis)
    rewriting.step(live)
    assert NAME in file()
    redis.srem(overlay.LEFT, 1)
    rewriting.step(live)
    assert NAME not in file()
    assert redis.get(overlay.REWRITTEN) == b"7"
    redis.set("x", NAME)
    rewriting.step(live)
    Rewriting(redis).step(live)
    assert NAME in file(), "once is enough"


def test_one_that_is_under_way_is_awaited(redis, file, live, monkeypatch):
    from redis.exceptions import ResponseError

    def busy():
        raise ResponseError("Background append only file rewriting already in progress")

    rewriting = Rewriting(redis)
    with monkeypatch.context() as patch:
        patch.setattr(redis, "bgrewriteaof", busy)
        rewriting.step(live)
    assert redis.get(overlay.REWRITTEN) is None
    rewriting.step(live)
    assert redis.get(overlay.REWRITTEN) == b"7"
    file()


def test_a_user_who_may_not_is_told_what_to_allow(server, redis, file, live, caplog):
    redis.execute_command("ACL SETUSER worker on nopass ~* +@all -bgrewriteaof")
    worker = server.client()
    worker.execute_command("AUTH", "worker", "")
    rewriting = Rewriting(worker)
    rewriting.step(live)
    rewriting.step(live)
    assert caplog.text.count("allow BGREWRITEAOF") == 1
    assert redis.get(overlay.REWRITTEN) is None
    file()


def test_without_such_a_file_there_is_nothing_to_do(redis, live):
    Rewriting(redis).step(live)
    assert redis.get(overlay.REWRITTEN) == b"7"
    assert not redis.info("persistence")["aof_rewrite_in_progress"]
