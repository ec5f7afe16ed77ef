"""The audit log: who asked for whom, without a plain value, and no line that can be changed unseen."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from deploy.cli import main
from identity import Identifier
from serving_layer.access.audit import AuditLog, Entry, Seal
from serving_layer.access.verify import entries, verify
from tests.serving.client import ID_KEY
from tests.serving.world import ANN, TOM

SEAL = Seal(ID_KEY)


def noted(served):
    return [entry for _, entry in entries(served.audit)]


def test_every_lookup_is_noted_by_customer_and_no_value_is(served):
    key = served.key()
    found = served.lookup(("login", "tom"), ("login", "nobody"), ("email", ANN["email"]), key=key).json()
    ids = [result["customer_id"] for result in found["results"] if result]
    served.ask("GET", f"/v1/customers/{ids[0]}", key=key)
    served.ask("GET", "/v1/customers/c_nobody", key=key)
    assert [(entry.who, entry.act, entry.about, entry.asked) for entry in noted(served)] == [
        ("k_0", "lookup", ids, 3),
        ("k_0", "customer", ids[:1], 1),
        ("k_0", "customer", [], 1),
    ]
    text = "".join(path.read_text() for path in served.audit.iterdir())
    assert not any(f'"{value}' in text for value in (*TOM.values(), *ANN.values(), "nobody", key))


def test_what_cannot_be_noted_is_not_answered(served, monkeypatch):
    key = served.key()

    def full(*_):
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        served.lookup(("login", "tom"), key=key)  # noted in the turn that it is answered in
        answer = served.lookup(("login", "tom"), key=key)
    assert answer.status == 503
    assert "c_" not in answer.text
    assert served.lookup(("login", "tom"), key=key).status == 200
    assert [entry.act for entry in noted(served)] == ["lookup"] * 2  # who was not answered, is not there


@pytest.fixture
def written(tmp_path):
    """Two files of a few lines each, the second after the first, and one of another process."""
    moments = iter(datetime(2026, 1, 1, 0, 0, second, tzinfo=UTC) for second in range(60))
    for size in (1, 1 << 20):
        log = AuditLog(
            tmp_path / "audit", tmp_path / "anchors", SEAL, lambda: next(moments), most_bytes=size * 900
        )
        for i in range(4):
            log.note_now(Entry(who=f"k_{i}", tenant="default", act="lookup", about=[f"c_{i}"], asked=1))
        log.close()
    assert verdict(tmp_path).problems == []
    return tmp_path


def verdict(root):
    return verify(root / "audit", root / "anchors", SEAL)


def files(root):
    return sorted((root / "audit").iterdir())


def test_a_log_as_it_was_written_is_whole(written):
    assert len(files(written)) >= 3
    assert verdict(written)[:2] == (
        len(files(written)),
        sum(len(p.read_bytes().splitlines()) for p in files(written)),
    )


def test_any_edit_of_any_byte_is_found(written):
    for path in files(written):
        content = path.read_bytes()
        for place in range(0, len(content), 7):
            changed = bytes([content[place] ^ 1])
            path.write_bytes(content[:place] + changed + content[place + 1 :])
            assert verdict(written).problems, (path.name, place)
        path.write_bytes(content)
    assert verdict(written).problems == []


def test_any_line_taken_out_doubled_or_moved_is_found(written):
    for path in files(written):
        lines = path.read_bytes().splitlines(keepends=True)
        for i in range(len(lines)):
            others = [
                lines[:i] + lines[i + 1 :],
                lines[: i + 1] + lines[i:],
                [lines[i], *lines[:i], *lines[i + 1 :]],
            ]
            for other in others:
                if other != lines:
                    path.write_bytes(b"".join(other))
                    assert verdict(written).problems, (path.name, i)
        path.write_bytes(b"".join(lines))


def test_a_file_cut_off_or_gone_or_new_is_found(written):
    for path in files(written):
        lines = path.read_bytes().splitlines(keepends=True)
        for count in range(len(lines)):
            path.write_bytes(b"".join(lines[:count]))
            assert verdict(written).problems, (path.name, count)
        path.unlink()
        assert any("is gone" in problem for problem in verdict(written).problems)
        path.write_bytes(b"".join(lines))
        copy = path.with_name(f"9{path.name}")
        shutil.copy(path, copy)
        assert any("has no anchor" in problem for problem in verdict(written).problems)
        copy.unlink()


def test_an_anchor_that_was_changed_is_found(written):
    for path in (written / "anchors").iterdir():
        anchor = json.loads(path.read_text())
        path.write_text(json.dumps(anchor | {"lines": anchor["lines"] - 1}))
        assert any("its seal does not fit" in problem for problem in verdict(written).problems)
        path.write_text("{")
        assert any("is no anchor" in problem for problem in verdict(written).problems)
        path.write_text(json.dumps(anchor))


def test_who_lacks_the_key_can_write_no_line_that_fits(written):
    forged = AuditLog(written / "audit", written / "anchors", Seal(b"another key"))
    forged.close()
    assert len(verdict(written).problems) == 3  # the line, its anchor, and so a file without one


def test_an_identifier_is_named_by_a_keyed_hash():
    x = Identifier("email", "ann@example.com")
    name = SEAL.of("default", x)
    assert name == SEAL.of("default", x)
    assert name not in {SEAL.of("other", x), Seal(b"another key").of("default", x)}
    assert "ann" not in name


def test_a_process_that_was_killed_leaves_a_log_that_is_whole(tmp_path):
    program = """
import asyncio, os, sys
from pathlib import Path
from serving_layer.access.audit import AuditLog, Entry, Seal
async def main():
    log = AuditLog(Path(sys.argv[1]) / "audit", Path(sys.argv[1]) / "anchors", Seal(b"a key for tests"))
    for i in range(100):
        log.note(Entry(who="k", tenant="default", act="lookup", about=[f"c_{i}"]))
        await asyncio.sleep(0)
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False)
    assert done.returncode == -9
    assert verdict(tmp_path).problems == []
    assert sum(1 for _ in entries(tmp_path / "audit")) == 100


def test_the_command_tells_what_it_found(written, monkeypatch, capsys):
    given = {"KAFKA": "x:9", "REDIS": "redis://x", "GENERATIONS": "/g", "DELTA": "/d", "HOME": "/nonexistent"}
    given |= {"ID_KEY": "k" * 32, "AUDIT": written / "audit", "AUDIT_ANCHORS": written / "anchors"}
    for name, value in given.items():
        monkeypatch.setenv(f"UCID_{name}", str(value))
    for path in [*(written / "audit").iterdir(), *(written / "anchors").iterdir()]:
        path.unlink()
    AuditLog(written / "audit", written / "anchors", Seal(b"k" * 32)).close()
    assert main(["audit", "verify"]) == 0
    assert capsys.readouterr().out == "1 files, 2 lines: no problems\n"
    (path,) = files(written)
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])
    assert main(["audit", "verify"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "1 files, 1 lines: 1 problems\n"
    assert "had 2 lines, of which the last are gone" in captured.err
