"""Records that share a block are read as they were written, whichever is asked for."""

import random

import pytest

from schemas import blocks
from schemas.generation import Builder, open_generation, shard_of, write_shard
from tests.graph.published import manifest

SHARDS = 3


def publish(root, components):
    entries = sorted(
        entry for number, records in components.items() for entry in blocks.packed(number, records)
    )
    with Builder(root, 1) as builder:
        written = [
            write_shard(builder.directory, i, (e for e in entries if shard_of(e[0], SHARDS) == i))
            for i in range(SHARDS)
        ]
        builder.publish(manifest(1, shards=written))
    return open_generation(root, 1)


@pytest.fixture(scope="module")
def components():
    """Components of one record, of some, and of more than one block holds, by numbers of both signs."""
    rng = random.Random(3)
    sizes = [1, 2, 5, 40, 127, 128, 129, 700]
    return {
        rng.randrange(-(2**63), 2**63): [
            (b"n%d\0%05d" % (i, place), rng.randbytes(rng.choice([0, 1, 300, 20_000])))
            for place in range(size)
        ]
        for i, size in enumerate(sizes)
    }


def test_every_record_is_found(components, tmp_path):
    generation = publish(tmp_path, components)
    whole = {key: record for records in components.values() for key, record in records}
    assert generation.get(whole) == whole
    assert generation.get([b"n0\0nobody", b"n6\0nobody"]) == {}
    for key in random.Random(4).sample(sorted(whole), 50):
        assert generation.get([key]) == {key: whole[key]}
    assert all(generation.record(key) == record for key, record in whole.items())
    assert generation.record(b"n0\0nobody") is None


def test_a_scan_finds_records_and_no_blocks(components, tmp_path):
    generation = publish(tmp_path, components)
    whole = {key: record for records in components.values() for key, record in records}
    assert dict(generation.scan(b"")) == whole
    assert dict(generation.scan(b"n7\0")) == {k: v for k, v in whole.items() if k.startswith(b"n7\0")}


def test_what_is_said_often_is_kept_once():
    said = [(b"n%d" % i, b"c_tpevgijev6es6ydugjjuqvcbwa" * 5) for i in range(6)]
    entries = dict(blocks.packed(7, said))
    assert sum(map(len, entries.values())) < sum(len(record) for _, record in said) / 5


def test_blocks_that_were_read_last_are_not_read_again_and_are_but_so_many():
    names = [b"\0%d" % i for i in range(10)]
    stored = {name: blocks_of(name) for name in names}
    asked = []

    def entries(wanted):
        asked.append(set(wanted))
        return {name: stored[name] for name in wanted}

    recent = blocks.Recent(most=4)
    for some in (names[:2], names[1:4], names[:4], names[4:], names[4:]):
        assert recent.read(set(some), entries) == {name: [name, b""] for name in some}
    # Six are more than it keeps, but not more than are asked for at once.
    assert asked == [set(names[:2]), set(names[2:4]), set(names[4:])]
    recent.read({names[0]}, entries)
    assert asked[-1] == {names[0]}


def blocks_of(record):
    """A block of this record and an empty one."""
    ((_, block),) = [
        entry for entry in blocks.packed(1, [(b"n", record), (b"m", b"")]) if entry[0][:1] == b"\0"
    ]
    return block
