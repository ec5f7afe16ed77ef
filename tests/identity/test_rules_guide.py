"""docs/rules.md: every example is run, and gives what the page says it gives."""

import json
import re
import shlex
from pathlib import Path

import pytest

from deploy.cli import main
from identity.junk import WORDS
from identity.normalise import NAMES
from identity.rulefile import parse
from identity.rules import DEFAULT_MAX, WHEN_SHARED, TypeRule

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
FILES = {"yaml": "rules.yaml", "jsonl": "events.jsonl"}


def blocks(section):
    """The fenced blocks of a section, by language."""
    return dict(re.findall(r"^```(\w+)\n(.*?)^```$", section, flags=re.DOTALL | re.MULTILINE))


def sections():
    """The sections with something to run, by title."""
    found = re.split(r"^#{2,3} (.*)\n", PAGE, flags=re.MULTILINE)
    return {
        title: blocks(text) for title, text in zip(found[1::2], found[2::2], strict=True) if "```sh" in text
    }


SECTIONS = sections()
SIMULATED = [title for title, example in SECTIONS.items() if "json" in example]


def run(example, folder, monkeypatch):
    """Write the example's files and run its commands; returns the last one's exit code."""
    monkeypatch.chdir(folder)
    for language, name in FILES.items():
        Path(name).write_text(example.get(language, ""), encoding="utf-8")
    for command in example["sh"].splitlines():
        program, *arguments = shlex.split(command)
        assert program == "ucid"
        code = main(arguments)
    return code


@pytest.mark.parametrize("title", SIMULATED)
def test_an_example_gives_its_answer(title, tmp_path, monkeypatch, capfdbinary):
    assert run(SECTIONS[title], tmp_path, monkeypatch) == 0
    answer = capfdbinary.readouterr().out.splitlines()[-1]
    assert json.loads(SECTIONS[title]["json"]) == json.loads(answer)


def test_the_wrong_file_is_refused_as_shown(tmp_path, monkeypatch, capsys):
    example = SECTIONS["When something is wrong"]
    assert run(example, tmp_path, monkeypatch) == 2
    assert capsys.readouterr().err == example["text"]


def test_all_examples_were_found():
    assert len(SIMULATED) == PAGE.count("```json\n")
    assert len(SECTIONS) == PAGE.count("```sh\n")
    assert len(SECTIONS) > 5


def test_every_reason_shown_is_explained():
    explained = set(re.findall(r"^\| `(\w+)", PAGE, flags=re.MULTILINE))
    for title in SIMULATED:
        answer = json.loads(SECTIONS[title]["json"])
        for entry in answer["rejected_links"] + answer["quarantined"]:
            assert entry["reason"].split(":")[0] in explained


def test_the_tables_name_every_key_and_the_true_default():
    rows = dict(re.findall(r"^\| `(\w+)` *\| (.*?) *\|", PAGE, flags=re.MULTILINE))
    plain = parse("identifiers: {a: {rank: 1}}").types["a"]
    assert plain.max == DEFAULT_MAX
    for name in TypeRule.__dataclass_fields__:
        if name in {"name", "rank", "made_from", "part_normalise"}:
            continue
        default = getattr(plain, name)
        assert rows[name] == ("none" if default in {None, ()} else f"`{default}`")
    assert rows["unique"] == "`false`"
    assert {"version", "identifiers", "match_keys", "unknown_identifiers", "rank", "from"} <= set(rows)


def test_the_words_that_may_be_written_are_named():
    for word in (*NAMES, *WHEN_SHARED, *WORDS):
        assert f"`{word}`" in PAGE
