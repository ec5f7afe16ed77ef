"""Commands about people: what they print, a line of JSON each, and what the audit log then has of them."""

import argparse
import json
from types import SimpleNamespace

import pytest

from deploy import bootstrap
from deploy.commands import audit, consent, explain, export, lookup
from deploy.settings import Settings
from deploy.user import user
from serving_layer.access.verify import entries, verify
from tests.serving.client import ID_KEY
from tests.serving.world import ANN, TOM


@pytest.fixture
def settings(tmp_path):
    return SimpleNamespace(
        tenant="default",
        id_key=ID_KEY,
        audit=tmp_path / "audit",
        anchors=tmp_path / "anchors",
        history=tmp_path / "history.db",
    )


@pytest.fixture
def ucid(settings, view, monkeypatch, capfdbinary):
    """Runs a command on the small world: its exit code, and what it prints."""
    monkeypatch.setattr(Settings, "load", lambda: settings)
    monkeypatch.setattr(bootstrap, "serving_view", lambda _: view)

    def ucid(command, *words):
        parser = argparse.ArgumentParser()
        command.configure(parser)
        code = command.run(parser.parse_args(words))
        return code, [json.loads(line) for line in capfdbinary.readouterr().out.splitlines()]

    return ucid


def test_what_is_told_of_people_is_noted(ucid, settings, view):
    tom, ann = (view.lookup([("login", name)]).found[0].customer.id for name in ("tom", "ann"))
    (code, found) = ucid(lookup, "login=tom", "login=nobody")
    assert (code, [line["customer_id"] for line in found]) == (0, [tom, None])
    assert ucid(consent, "show", "ads", "login=tom")[0] == 1
    assert ucid(consent, "history", "login=ann") == (0, [])
    exported = ucid(export, "customers")[1]
    assert {tom, ann} <= {line["customer_id"] for line in exported}
    noted = [(entry.act, entry.about, entry.asked, entry.detail) for _, entry in entries(settings.audit)]
    assert sorted(noted) == [
        ("export", [], 0, {"what": "customers"}),
        ("lookup", [tom], 2, {}),
        ("permissions", [tom], 1, {}),
        ("statements", [ann], 1, {}),
    ]
    assert {entry.who for _, entry in entries(settings.audit)} == {user()}
    text = "".join(path.read_text() for path in settings.audit.iterdir())
    assert not any(f'"{value}"' in text for value in (*TOM.values(), *ANN.values()))


def test_who_was_told_of_is_found_again(ucid, settings):
    ucid(lookup, "login=tom")
    code, told = ucid(audit, "who", "email=tom@example.com")
    assert (code, [line["act"] for line in told]) == (0, ["lookup"])
    assert verify(settings.audit, settings.anchors, audit.Seal(ID_KEY)).problems == []


@pytest.mark.usefixtures("ucid")
def test_an_explanation_is_noted(settings, view, capfdbinary):
    tom, ann = (view.lookup([("login", name)]).found[0].customer.id for name in ("tom", "ann"))
    parser = argparse.ArgumentParser()
    explain.configure(parser)
    assert explain.run(parser.parse_args(["login=tom", "login=ann"])) == 1
    assert json.loads(capfdbinary.readouterr().out)["same"] is False
    ((_, entry),) = entries(settings.audit)
    assert (entry.act, entry.about, entry.asked) == ("explain", [tom, ann], 2)
