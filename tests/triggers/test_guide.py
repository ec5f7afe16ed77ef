"""docs/triggers.md: its examples are run and say what it says; its tables and figures are in force."""

import re
from pathlib import Path

import pytest

from deploy.cli import main
from identity.conditions import KINDS
from identity.notation import DAY
from speed_layer.triggers import app, definition, delivery, webhook
from speed_layer.triggers.app import group, own_topics
from speed_layer.triggers.model import MAX_AGE, MEMBERSHIP_KEPT, Trigger

PAGE = (Path(__file__).parents[2] / "docs" / "triggers.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, flags=re.DOTALL | re.MULTILINE)


def test_the_example_is_a_file_of_triggers():
    good, _ = blocks("yaml")
    triggers = definition.parse(good)
    assert all(isinstance(trigger, Trigger) for trigger in triggers.values())
    assert "hard_bounce" in triggers


def test_the_wrong_file_is_refused_as_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    _, wrong = blocks("yaml")
    Path("wrong.yaml").write_text(wrong, "utf-8")
    assert main(["triggers", "wrong.yaml", "--check"]) == 2
    assert [capsys.readouterr().err] == blocks("text")


def test_the_tables_name_every_key():
    assert re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.MULTILINE) == list(definition.KEYS)
    for name in (
        *definition.CHANGE_KEYS,
        *definition.SEGMENT_KEYS,
        *KINDS["web"],
        *KINDS["email"],
        "properties",
    ):
        assert f"`{name}" in PAGE
    assert MAX_AGE == DAY
    assert f"remembered for {MEMBERSHIP_KEPT // DAY} days" in PAGE


def test_the_receiver_of_the_page_takes_what_we_sign_and_nothing_else():
    (receiver,) = blocks("python")
    named = {}
    exec(compile(receiver, "docs/triggers.md", "exec"), named)
    now = int(named["time"].time())
    key = webhook.key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    def check(at=now, body=b"{}", **changed):
        named["check"](
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", webhook.headers(key, "id", at, b"{}") | changed, body
        )

    check()
    with pytest.raises(ValueError, match="too old"):
        check(at=now - 301)
    with pytest.raises(ValueError, match="not from us"):
        check(body=b"[]")
    with pytest.raises(ValueError, match="not from us"):
        check(**{"webhook-id": "another"})


def test_figures_are_as_listed():
    first, _ = delivery.BACKOFF_S
    waits = delivery._waits()
    text = " ".join(PAGE.split())
    assert f"within {webhook.TIMEOUT_S:.0f} seconds are tried again, {delivery.TRIES} times" in text
    assert f"after {first} seconds" in text
    longest = sum(waits) + delivery.TRIES * webhook.TIMEOUT_S
    assert f"{app.DELIVERIES} go together, for up to {round(longest)} seconds" in text
    assert f"{app.FAUST['broker_session_timeout']} seconds later" in text
    assert {topic.replace(group("TENANT"), "ucid-triggers-TENANT") for topic in own_topics("TENANT")} == set(
        re.findall(r"`(ucid-triggers-TENANT-[\w-]+)`", PAGE)
    )
