"""A file of triggers that cannot be used says where, and what to write instead."""

from pathlib import Path
from typing import get_args

import pytest

from deploy.cli import main
from schemas import Outcome
from speed_layer.triggers.definition import load, parse
from speed_layer.triggers.errors import DefinitionError

STARTER = Path(__file__).parents[2] / "deploy" / "triggers.yaml"
EXAMPLES = "such as basket, [basket, wish_list] or /^basket/i"
OUTCOMES = ", ".join(get_args(Outcome))


def problems(text):
    with pytest.raises(DefinitionError) as refused:
        parse(text, "t.yaml")
    assert str(refused.value).splitlines() == [f"t.yaml: {problem}" for problem in refused.value.problems]
    return refused.value.problems


def one(entry):
    """The problems of one trigger, below its path."""
    found = problems(f"triggers: {{t: {entry}}}")
    assert all(problem.startswith("triggers.t") for problem in found)
    return [problem.removeprefix("triggers.t") for problem in found]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[1]", "the file: must be a mapping of 'key: value'"),
        ("version: 2\ntriggers: {t: {when: {web: {kind: x}}}}", "version: only version 1 is known: write 1"),
        (
            "version: 1",
            "triggers: name at least one, such as 'bounced: {when: {email: {outcome: hard_bounce}}}'",
        ),
        ("trigers: {}", "trigers: is no known key; did you mean 'triggers'?"),
        ("triggers: [x]", "triggers: must be a mapping of 'key: value'"),
        (
            "triggers: {New: {when: {web: {kind: x}}}}",
            "triggers.New: name it with up to 64 small letters, digits and '_', a letter first",
        ),
    ],
)
def test_the_file(text, told):
    assert told in problems(text)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("{}", ".when: is missing: write what it fires for, such as {web: {kind: basket}}"),
        ("{wen: {}}", ".wen: is no known key; did you mean 'when'?"),
        ("{when: basket}", ".when: must be a mapping of 'key: value'"),
        ("{when: {}}", ".when: name what happens, such as {web: {kind: purchase}}"),
        ("{when: {wep: {kind: x}}}", ".when.wep: is no known key; did you mean 'web'?"),
        ("{when: {web: {knd: x}}}", ".when.web.knd: is no known key; did you mean 'kind'?"),
        (
            "{when: {email: {}}}",
            ".when.email: every event would do: name one of outcome, campaign_id, properties",
        ),
        (
            "{when: {web: {kind: []}}}",
            f".when.web.kind: write a text or a list of them, {EXAMPLES}",
        ),
        (
            "{when: {web: {kind: yes}}}",
            f".when.web.kind: write a text, in quotes, for YAML reads a truth, {EXAMPLES}",
        ),
        (
            "{when: {web: {kind: /(/}}}",
            (
                ".when.web.kind: is a bad regular expression (missing ), unterminated subpattern at position "
                "0): correct what stands between the slashes"
            ),
        ),
        ("{when: {web: {properties: x}}}", ".when.web.properties: must be a mapping of 'key: value'"),
        (
            "{when: {email: {outcome: bounced}}}",
            f".when.email.outcome: bounced is no outcome: write one of {OUTCOMES}",
        ),
        (
            "{when: {change: {gained: cookie, known_by: login}, web: {kind: x}}}",
            ".when: a change stands alone: write another trigger for what else there is",
        ),
        ("{when: {change: {gained: cookie}}}", ".when.change.known_by: write a text, such as [login, crm]"),
        (
            "{when: {change: {gained: cookie, known_by: [login, cookie]}}}",
            ".when.change.known_by: cookie is also under 'gained': keep one",
        ),
        (
            "{when: {change: {gained: cookie, known_by: login, from_visitors: 1}}}",
            ".when.change.from_visitors: write true or false",
        ),
        (
            "{when: {change: {gained: cookie, known_by: login}}, unless: {web: {kind: x}}, within: 1m}",
            ".unless: has no meaning for a change, which is told at once: remove it",
        ),
        (
            "{when: {web: {kind: x}}, within: 30m}",
            ": 'unless' and 'within' go together: write both, or neither to fire at once",
        ),
        (
            "{when: {web: {kind: x}}, unless: {web: {kind: y}}, within: 30}",
            ".within: write a whole number and a unit (s, m, h, d, w), such as 365d",
        ),
        (
            "{when: {web: {kind: x}}, max_age: soon}",
            ".max_age: write a whole number and a unit (s, m, h, d, w), such as 365d",
        ),
        (
            "{when: {web: {kind: x}}, unless: {change: {}}, within: 1m}",
            ".unless.change: is no known key; known here: web, email",
        ),
        (
            "{when: {web: {kind: x}}, channel: email}",
            ".channel: serves a 'purpose', which is missing: add one, or remove it",
        ),
        (
            "{when: {web: {kind: x}}, webhook: shop.example}",
            ".webhook: is no address: write one such as https://shop.example/hooks/ucid",
        ),
        (
            "{when: {web: {kind: x}}, webhook: 'https://shop.example:port/'}",
            ".webhook: is no address: write one such as https://shop.example/hooks/ucid",
        ),
        (
            "{when: {web: {kind: x}}, webhook: 'http://shop.example/'}",
            ".webhook: would send in clear text: begin it with https://",
        ),
        (
            "{when: {web: {kind: x}}, webhook: 'https://ann:sesame@shop.example/'}",
            ".webhook: holds a user or password: remove it, what is sent is signed with UCID_WEBHOOK_KEY",
        ),
    ],
)
def test_a_trigger(entry, told):
    assert one(entry)[0] == told


def test_all_problems_are_told_at_once():
    assert len(problems("version: 2\ntriggers: {A: {}, b: {when: {web: {}}, webhook: x}}")) == 5


def test_a_key_that_is_written_twice():
    (told,) = problems("triggers:\n  t: {when: {web: {kind: x}}}\n  t: {when: {web: {kind: y}}}")
    assert "t is written twice: keep one" in told


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DefinitionError, match=r"none\.yaml: cannot be read"):
        load(tmp_path / "none.yaml")


def test_a_purpose_and_its_channel():
    text = "triggers: {t: {when: {web: {kind: x}}, purpose: marketing, channel: sms}}"
    asked = parse(text)["t"]
    assert (asked.purpose, asked.channel) == ("marketing", "sms")


def test_the_starter_file_is_checked_by_the_command(capsys):
    assert main(["triggers", "--check"]) == 0
    names = "new_device, abandoned_basket, hard_bounce, unsubscribed"
    assert capsys.readouterr().out == f"{STARTER}: 4 triggers: {names}\n"


def test_the_command_refuses_a_file_that_cannot_be_used(capsys, tmp_path):
    file = tmp_path / "t.yaml"
    file.write_text("triggers: {t: {when: {web: {kind: x}}, channel: email}}")
    assert main(["triggers", str(file)]) == 2
    assert capsys.readouterr().err.startswith(f"ucid: {file}: triggers.t.channel: serves a 'purpose'")
