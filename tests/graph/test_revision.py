"""A revised shard holds what a shard written anew would hold."""

from hypothesis import given
from hypothesis import strategies as st

from schemas.generation import Builder, open_generation, write_shard
from schemas.revision import revise_shard, revised
from tests.graph.published import manifest

keys = st.binary(min_size=1, max_size=2)
entries = st.dictionaries(keys, st.just(b"former"), max_size=12)
changes = st.dictionaries(keys, st.sampled_from([b"new", None]), max_size=12)


def after(former, change):
    return sorted((key, value) for key, value in {**former, **change}.items() if value is not None)


@given(entries, changes)
def test_changes_stand_between_what_stays(former, change):
    assert list(revised(sorted(former.items()), sorted(change.items()))) == after(former, change)


def test_a_shard_is_written_once_more(tmp_path):
    former = {b"n%04d" % i: b"former" for i in range(3_000)}
    change = {b"a": b"new", b"n0000": None, b"n0500": b"new", b"n0501": None, b"n2999": None, b"z": b"new"}
    old = write_shard(tmp_path, 0, sorted(former.items()))
    with Builder(tmp_path / "generations", 1) as builder:
        new = revise_shard(tmp_path / old.file, builder.directory, 0, sorted(change.items()))
        builder.publish(manifest(1, shards=[new]))
    generation = open_generation(tmp_path / "generations", 1)
    generation.verify()
    with generation._shards[0].begin() as transaction:
        assert list(transaction.cursor()) == after(former, change)
    assert new.entries == len(after(former, change))


def test_a_shard_without_entries_and_without_changes(tmp_path):
    empty = write_shard(tmp_path, 0, ())
    (tmp_path / "next").mkdir()
    assert revise_shard(tmp_path / empty.file, tmp_path / "next", 0, ()).entries == 0
