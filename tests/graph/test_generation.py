"""A generation is there completely or not at all."""

import gc
import shutil
import signal
import subprocess
import sys
import weakref

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.blocks import alone
from schemas.generation import (
    BrokenGeneration,
    Builder,
    Manifest,
    numbers,
    open_generation,
    path_of,
    write_shard,
)
from tests.graph.published import manifest, publish

RECORDS = sorted((f"n{tenant}\0{i:04d}".encode(), b"%d" % i) for i in range(300) for tenant in ("a", "ab"))

KILLED = """
import os, signal, sys
from pathlib import Path
from schemas.generation import Builder, write_shard
builder = Builder(Path(sys.argv[1]), 1)
write_shard(builder.directory, 0, [(b"key", b"value")])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_is_written_is_read(tmp_path):
    generation = publish(tmp_path, RECORDS, shards=3)
    generation.verify()
    assert numbers(tmp_path) == [1]
    assert sum(shard.entries for shard in generation.manifest.shards) == len(RECORDS)
    assert generation.get(key for key, _ in RECORDS) == dict(RECORDS)
    assert generation.get([b"na\0nobody", RECORDS[0][0]]) == dict(RECORDS[:1])
    assert generation.get([]) == {}


def test_a_scan_finds_what_begins_with_a_prefix(tmp_path):
    generation = publish(tmp_path, RECORDS, shards=3)
    mine = list(generation.scan(b"na\0"))
    assert sorted(mine) == [entry for entry in RECORDS if entry[0].startswith(b"na\0")]
    assert list(generation.scan(b"nb")) == list(generation.scan(b"z")) == []
    assert sorted(generation.scan(b"")) == RECORDS


def test_a_generation_of_nobody(tmp_path):
    generation = publish(tmp_path, [], number=0, shards=0)
    generation.verify()
    assert generation.get([b"key"]) == {}
    assert generation.record(b"key") is None
    assert list(generation.scan(b"")) == []


def test_a_builder_that_is_killed_leaves_nothing_that_a_reader_sees(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path], check=False)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert (left / "shard-0000.mdb").is_file()
    assert numbers(tmp_path) == []
    with pytest.raises(BrokenGeneration, match="no usable manifest"):
        open_generation(tmp_path, 1)
    generation = publish(tmp_path, RECORDS)
    assert not left.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["g00000001"]
    assert generation.get([RECORDS[0][0]])


def test_a_builder_that_gives_up_cleans_up(tmp_path):
    with Builder(tmp_path, 1) as builder:
        write_shard(builder.directory, 0, alone(RECORDS))
        assert list(tmp_path.iterdir()) == [builder.directory]
    assert list(tmp_path.iterdir()) == []


def test_a_generation_is_published_once(tmp_path):
    publish(tmp_path, RECORDS)
    with Builder(tmp_path, 1) as builder, pytest.raises(FileExistsError, match="published already"):
        builder.publish(manifest(1))
    assert [entry.name for entry in tmp_path.iterdir()] == ["g00000001"]
    assert open_generation(tmp_path, 1).get([RECORDS[0][0]])


def test_a_flipped_byte_is_found(tmp_path):
    generation = publish(tmp_path, RECORDS)
    file = path_of(tmp_path, 1) / generation.manifest.shards[1].file
    where = file.read_bytes().index(b"nab")
    with file.open("r+b") as stream:
        stream.seek(where)
        stream.write(b"m")
    with pytest.raises(BrokenGeneration, match=r"shard-0001\.mdb: differs from its checksum"):
        generation.verify()


def test_a_shard_is_written_again_by_a_task_that_is_tried_again(tmp_path):
    first = write_shard(tmp_path, 0, alone(RECORDS[:5]))
    second = write_shard(tmp_path, 0, alone(RECORDS))
    assert (first.entries, second.entries) == (5, len(RECORDS))
    assert [entry.name for entry in tmp_path.iterdir()] == [second.file]


def test_who_asks_again_gets_the_one_that_is_open(tmp_path):
    generation = publish(tmp_path, RECORDS)
    link = tmp_path.with_name(f"{tmp_path.name}-link")
    link.symlink_to(tmp_path)
    assert open_generation(tmp_path, 1) is generation
    assert open_generation(link, 1) is generation
    assert publish(tmp_path, [], number=2) is not generation


def test_a_generation_that_nobody_holds_is_closed(tmp_path):
    held = weakref.ref(publish(tmp_path, RECORDS))
    gc.collect()
    assert held() is None
    assert open_generation(tmp_path, 1).get([RECORDS[0][0]])


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"generation": 1}', b"\xff"])
def test_a_manifest_that_cannot_be_read(tmp_path, damage):
    path_of(tmp_path, 1).mkdir()
    (path_of(tmp_path, 1) / "manifest.json").write_bytes(damage)
    with pytest.raises(BrokenGeneration, match=r"g00000001: no usable manifest"):
        open_generation(tmp_path, 1)


def test_a_generation_of_another_format(tmp_path):
    with Builder(tmp_path, 1) as builder:
        builder.publish(manifest(1, format=99))
    with pytest.raises(BrokenGeneration, match=r"has format 99 where \d is read: run a batch"):
        open_generation(tmp_path, 1)


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda _: b"", "has 0 bytes of"),
        (lambda whole: whole[:8192], "has 8192 bytes of"),
        (lambda whole: b"x" * len(whole), "cannot be opened"),
    ],
)
def test_a_shard_that_is_none(tmp_path, damage, problem):
    file = path_of(tmp_path, 1) / publish(tmp_path, RECORDS).manifest.shards[0].file
    gc.collect()
    whole = file.read_bytes()
    file.unlink()
    file.write_bytes(damage(whole))
    with pytest.raises(BrokenGeneration, match=rf"shard-0000\.mdb: {problem}"):
        open_generation(tmp_path, 1)


def test_numbers_are_those_of_complete_generations(tmp_path):
    assert numbers(tmp_path / "nowhere") == []
    for number in (10, 2, 0):
        publish(tmp_path, [], number=number)
    (tmp_path / ".building-x").mkdir()
    (tmp_path / "g1").mkdir()
    assert numbers(tmp_path) == [0, 2, 10]


offsets = st.dictionaries(st.text(max_size=9), st.dictionaries(st.integers(0, 99), st.integers(0, 2**62)))
counts = st.dictionaries(st.text(max_size=9), st.integers(0, 2**53))
manifests = st.builds(
    Manifest,
    generation=st.integers(0, 10**8 - 1),
    offsets=offsets,
    as_of=st.none() | st.integers(-(2**62), 2**62),
    rules=st.text(),
    fingerprint=st.text(max_size=16),
    counts=counts,
    tables=counts,
)


@given(manifests)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_manifests_come_back_as_they_were(tmp_path, written):
    directory = path_of(tmp_path, written.generation)
    with Builder(tmp_path, written.generation) as builder:
        builder.publish(written)
    assert open_generation(tmp_path, written.generation).manifest == written
    shutil.rmtree(directory)
