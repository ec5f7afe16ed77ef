"""Exports as files: found, copied, and named by their content."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch_layer.sources.errors import Unreadable
from batch_layer.sources.files import Export, File, copied, found
from batch_layer.sources.loads import LANDED, Load, Loads, Taken


def write(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(name)
    return folder


def test_patterns_mean_exports_in_order_and_each_once(tmp_path):
    write(tmp_path, "b.csv", "a.csv", "c[1].csv", "parts/one")
    names = [p.name for p in found([f"{tmp_path}/c[1].csv", f"{tmp_path}/*.csv", f"{tmp_path}/parts"])]
    assert names == ["c[1].csv", "a.csv", "b.csv", "parts"]
    with pytest.raises(Unreadable, match=r"x\*\.csv: there is no such file"):
        found([f"{tmp_path}/x*.csv"])


def test_a_directory_is_one_export_of_its_parts(tmp_path):
    write(tmp_path, "parts/part-1", "parts/part-0", "parts/_SUCCESS", "parts/.crc")
    export = copied(tmp_path / "parts", tmp_path / "staging")
    assert [file.copy.read_text() for file in export.files] == ["parts/part-0", "parts/part-1"]
    assert export.size == sum(file.size for file in export.files) == 24
    with pytest.raises(Unreadable, match="is an empty directory"):
        copied(write(tmp_path, "empty/.hidden") / "empty", tmp_path / "staging")


def test_a_copy_keeps_what_says_how_it_is_packed_and_nothing_of_its_name(tmp_path):
    write(tmp_path, "_odd[1]{x}.csv.GZ")
    (file,) = copied(tmp_path / "_odd[1]{x}.csv.GZ", tmp_path / "staging").files
    assert file.copy.name == "000000.gz"
    assert not list((tmp_path / "staging").glob("_*"))


def test_a_file_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(Unreadable, match=r"gone\.csv: cannot be read: No such file"):
        copied(tmp_path / "gone.csv", tmp_path / "staging")


@given(st.lists(st.binary(), min_size=1, max_size=4), st.randoms())
def test_the_content_names_an_export_and_the_order_of_parts_does_not(parts, random):
    from hashlib import sha256

    def export(contents):
        files = (File(str(i), len(c), sha256(c).hexdigest(), None) for i, c in enumerate(contents))
        return Export("x", tuple(files)).sha256

    other = random.sample(parts, len(parts))
    assert export(parts) == export(other)
    assert export([*parts, b"more"]) != export(parts)


def load(number, **changes):
    fields = {"tenant": "t", "source": "s", "state": LANDED, "export": "full", "definition": "d"}
    return Load(load=number, ingested_at=number, **{**fields, **changes})


def test_loads_are_read_as_they_were_written(tmp_path):
    loads = Loads(tmp_path)
    assert (loads.all(), loads.last) == ([], 0)
    some = [load(1, files=(Taken("a", 1, "f"),), counts={"new": 3}), load(2, watermark="7"), load(10)]
    for one in some:
        loads.commit(one)
    assert (loads.all(), loads.last) == (some, 10)


def test_a_load_whose_writing_was_cut_off_does_not_count(tmp_path, monkeypatch):
    loads = Loads(tmp_path)
    loads.commit(load(1))
    monkeypatch.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space left"):
        loads.commit(load(2))
    monkeypatch.undo()
    assert loads.last == 1
    loads.commit(load(2, watermark="x"))
    assert loads.all()[1].watermark == "x"
