"""Generations that are fetched, pinned and dropped."""

import pytest

from schemas.copies import fetch, prune, sweep
from schemas.generation import BrokenGeneration, numbers, open_generation, path_of, pin, pinned, wanted
from tests.graph.published import publish

RECORDS = sorted((f"nshop\0{i:04d}".encode(), b"%d" % i) for i in range(100))


@pytest.fixture
def source(tmp_path):
    for number in range(1, 7):
        publish(tmp_path / "source", RECORDS[number:], number)
    return tmp_path / "source"


def test_a_copy_answers_as_the_original(source, tmp_path):
    assert fetch(source, tmp_path / "node", 3)
    assert not fetch(source, tmp_path / "node", 3)
    copy = open_generation(tmp_path / "node", 3)
    copy.verify()
    assert dict(copy.scan(b"")) == dict(RECORDS[3:])
    assert [path.name for path in (tmp_path / "node").iterdir()] == ["g00000003"]


def test_what_arrives_damaged_is_never_seen(source, tmp_path):
    shard = path_of(source, 3) / "shard-0001.mdb"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    with pytest.raises(BrokenGeneration, match="checksum"):
        fetch(source, tmp_path / "node", 3)
    shard.write_bytes(content[:-100])
    with pytest.raises(BrokenGeneration, match="bytes of"):
        fetch(source, tmp_path / "node", 3)
    assert list((tmp_path / "node").iterdir()) == []


def test_what_is_not_there_is_said(source, tmp_path):
    with pytest.raises(BrokenGeneration, match="no generation 9: it has 1, 2, 3, 4, 5, 6"):
        fetch(source, tmp_path / "node", 9)


def test_what_a_killed_copy_left_is_no_generation(tmp_path):
    (tmp_path / "node" / ".fetching-x" / "g00000003").mkdir(parents=True)
    assert numbers(tmp_path / "node") == []
    sweep(tmp_path / "node")
    assert list((tmp_path / "node").iterdir()) == []


def test_the_newest_stay_and_those_that_are_needed(source):
    pin(source, 2)
    held = open_generation(source, 3)
    assert prune(source, 2, {1}) == [3, 4]
    assert numbers(source) == [1, 2, 5, 6]
    assert dict(held.scan(b"")) == dict(RECORDS[3:]), "who has it open reads on"
    pin(source, None)
    assert prune(source, 2, ()) == [1, 2]
    assert prune(source, 2, ()) == []


def test_readers_are_wanted_on_the_newest_unless_they_are_held(source):
    assert (pinned(source), wanted(source)) == (None, 6)
    pin(source, 4)
    assert (pinned(source), wanted(source)) == (4, 4)
    pin(source, 9)
    assert wanted(source) == 6, "what is not there holds nobody"
    (source / "USE").write_text("the good one")
    assert (pinned(source), wanted(source)) == (None, 6)
    pin(source, None)
    pin(source, None)
    assert wanted(source) == 6
    assert wanted(source / "nowhere") is None
