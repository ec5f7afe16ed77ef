"""What `ucid simulate` cannot use: exit code 2, nothing on stdout, and what to do about it."""

import gzip
import json

import pytest

from tests.cli.lines import RULES, line

GOOD = json.dumps(line(crm="Tom")).encode()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (b"not JSON", "line 3: not JSON"),
        (b"[]", "line 3: expected an object, got array"),
        (b"{}", "line 3: event_id: is missing"),
        (GOOD[:-1], "line 3: not JSON"),
        (GOOD.replace(b"2026-01-01T00:00:00Z", b"yesterday"), "line 3: occurred_at: expected a time such as"),
        (GOOD.replace(b"00:00Z", b"00:00"), "line 3: occurred_at: has no time zone: add Z"),
        (GOOD.replace(b'"Tom"', b"7"), "line 3: identifiers.crm: expected a string or a list of strings"),
        (GOOD.replace(b'"e1"', b'""'), "line 3: event_id: is empty"),
        (GOOD.replace(b'"crm"', b'"card"'), "line 3: no rule names the identifier type 'card': add it"),
        (GOOD.replace(b"Tom", b"\xff"), "line 3: not UTF-8"),
        (GOOD.replace(b"Tom", b"x" * 600), "line 3: identifiers.crm: a value is longer than 512 characters"),
    ],
)
def test_a_wrong_line(ucid, refused, wrong, told):
    rules = ucid.write("rules.yaml", RULES)
    said = refused("simulate", rules, "-", stdin=b"\n".join([GOOD, b"", wrong, GOOD]))
    assert said.startswith(f"ucid: {told}")
    assert said.count("\n") == 1
    assert "Tom" not in said


def test_an_unknown_type_that_the_rules_ignore(ucid):
    output = ucid.simulated(f"unknown_identifiers: ignore\n{RULES}", line(crm="Tom", card="4111"))
    assert [customer["identifiers"] for customer in output["customers"]] == [
        [{"type": "crm", "value": "Tom"}]
    ]


def test_rules_that_cannot_be_used(ucid, refused):
    ucid.write(
        "bad.yaml", "identifiers:\n  crm: {rank: 1, unique: true, max: 5}\n  email: {normalize: email}\n"
    )
    expected = [
        "ucid: bad.yaml: identifiers.crm: 'unique: true' means 'max: 1': remove 'unique' or 'max'",
        "ucid: bad.yaml: identifiers.email.normalize: is no known key; did you mean 'normalise'?",
        "ucid: bad.yaml: identifiers.email.rank: is missing: write 1 for the strongest type",
    ]
    told = refused("simulate", "bad.yaml", "-", stdin=GOOD).splitlines()
    assert [text[: len(start)] for text, start in zip(told, expected, strict=True)] == expected


def test_files_that_are_not_there(ucid, refused):
    rules = ucid.write("rules.yaml", RULES)
    assert "No such file or directory: 'nowhere.jsonl'" in refused("simulate", rules, "nowhere.jsonl")
    assert "nowhere.yaml: cannot be read" in refused("simulate", "nowhere.yaml", "-", stdin=GOOD)
    assert "Is a directory" in refused("simulate", rules, ".")


def test_a_file_that_is_no_gzip(ucid, refused):
    rules = ucid.write("rules.yaml", RULES)
    ucid.write("events.jsonl.gz", GOOD)
    assert "Not a gzipped file" in refused("simulate", rules, "events.jsonl.gz")


@pytest.mark.parametrize(
    "arguments", [(), ("rules.yaml",), ("rules.yaml", "-", "more"), ("rules.yaml", "-", "--asof")]
)
def test_arguments_that_are_missing_or_too_many(ucid, refused, arguments):
    ucid.write("rules.yaml", RULES)
    told = refused("simulate", *arguments)
    assert told.startswith("usage: ucid")
    assert "arguments are required: " in told or "unrecognized arguments: " in told


def test_a_damaged_archive(ucid, refused, tmp_path):
    rules = ucid.write("rules.yaml", RULES)
    whole = gzip.compress(b"\n".join([GOOD] * 1_000))
    (tmp_path / "torn.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    assert "is damaged, or ends too early" in refused("simulate", rules, tmp_path / "torn.jsonl.gz")
