"""docs/webhooks.md: its examples do what the page says; its tables name what there is."""

import json
import re
from pathlib import Path

import pytest

from deploy.cli import main
from deploy.settings import SHORTEST_KEY
from schemas import encode_json
from speed_layer.webhooks import endpoints, errors, registry
from speed_layer.webhooks.endpoints import _COMMON
from speed_layer.webhooks.generic import _FIELDS, _SIGNATURE, Generic
from speed_layer.webhooks.http import MOST_BYTES
from speed_layer.webhooks.metrics import Metrics
from speed_layer.webhooks.receiver import AHEAD, MOST_EVENTS, Receiver, Taken, translate
from speed_layer.webhooks.replays import Replays
from speed_layer.webhooks.service import HOUR, Call
from tests.webhooks.conftest import Topics
from tests.webhooks.senders import NOW, SENDERS

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")
ENV = {
    "UCID_KAFKA": "nowhere:1",
    "UCID_REDIS": "redis://nowhere:1/0",
    "UCID_ID_KEY": "k" * SHORTEST_KEY,
    "UCID_WEBHOOKS": "webhooks.yaml",
    "SENDGRID_VERIFICATION_KEY": SENDERS["sendgrid"].secret,
}


def section(title):
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def blocks(title, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", section(title), flags=re.DOTALL | re.MULTILINE)


def rows(title):
    """The cells of all rows in a section that begin with a name."""
    lines = [line for line in section(title).splitlines() if line.startswith("| `")]
    return [re.split(r" *\| *", line.strip("| ")) for line in lines]


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("delta", "generations"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(f"UCID_{name.upper()}", str(tmp_path / name))
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_file_is_checked_as_shown(home, capsys):
    right, wrong = blocks("A first endpoint", "yaml")
    told, complained = blocks("A first endpoint", "text")
    commands = blocks("A first endpoint", "sh")[0].splitlines()
    assert commands[0] == f"export UCID_WEBHOOKS={ENV['UCID_WEBHOOKS']}"
    arguments = commands[1].split()[1:]
    (home / "webhooks.yaml").write_text(right, "utf-8")
    assert main(arguments) == 0
    assert capsys.readouterr().out == told
    (home / "webhooks.yaml").write_text(wrong, "utf-8")
    assert main(arguments) == 2
    assert capsys.readouterr().err == complained


@pytest.mark.usefixtures("home")
def test_without_a_file_the_setting_is_named(capsys, monkeypatch):
    monkeypatch.delenv("UCID_WEBHOOKS")
    assert main(["webhooks"]) == 2
    assert "UCID_WEBHOOKS is not set" in capsys.readouterr().err


def test_the_mapping_does_as_shown():
    (text,) = blocks("Other services, by a mapping", "yaml")
    call, event = blocks("Other services, by a mapping", "json")
    found = endpoints.parse(text, "default", {"DOTDIGITAL_KEY": "x"}, lambda _: b"")["dotdigital"]
    (became,) = translate(found, Call({}, call.encode(), NOW)).events
    assert json.loads(encode_json(became)) == json.loads(event)


def test_a_service_of_its_own_is_short_and_works(redis, monkeypatch):
    (code,) = blocks("A service of its own", "python")
    assert len(code.splitlines()) < 50
    names = {}
    exec(compile(code, "brevo.py", "exec"), names)
    monkeypatch.setattr(endpoints, "SERVICES", {**registry.SERVICES, "brevo": names["Brevo"]})
    text = "endpoints: {b: {service: brevo, secret: {env: T}}}"
    endpoint = endpoints.parse(text, "default", {"T": "token"}, lambda _: b"")["b"]
    receiver = Receiver(Replays(redis), Topics())
    body = b'{"event": "opened", "email": "ann@example.com", "ts_event": 1767312000, "message-id": "<1>"}'
    taken = receiver.take(endpoint, Call({"authorization": "Bearer token"}, body, NOW))
    assert [(event.outcome, event.message_id) for event in taken.events] == [("open", "<1>")]
    with pytest.raises(errors.Forged):
        receiver.take(endpoint, Call({"authorization": "Bearer guess"}, body, NOW))


def test_the_tables_name_every_key():
    assert {row[0].strip("`") for row in rows("webhooks.yaml")} == {*_COMMON, "secret"}
    (service,) = [row for row in rows("webhooks.yaml") if row[0] == "`service`"]
    assert set(re.findall(r"`(\w+)`", service[2])) == registry.SERVICES.keys()
    mapping = {row[0].strip("`"): row for row in rows("Other services, by a mapping")}
    assert mapping.keys() == set(Generic.KEYS) - {"secret"}
    assert set(_FIELDS) == set(re.findall(r"`(\w+)`", mapping["fields"][2]))
    assert set(_SIGNATURE) <= set(re.findall(r"`(\w+)`", mapping["signature"][2]))


def test_every_service_and_its_age_and_keys_are_named():
    table = {row[0].strip("`"): row for row in rows("What is checked")}
    assert table.keys() == registry.SERVICES.keys()
    for name, service in registry.SERVICES.items():
        assert table[name][3] == f"{service.MAX_AGE // HOUR}h"
        if name != "generic":
            assert all(f"`{key}" in table[name][1] for key in service.KEYS if key != "secret")


def test_what_is_counted_is_as_listed():
    from batch_layer.outcomes import COUNTED

    named = re.findall(
        r"`(\w+)`", section("What came of a campaign").split("\n\n")[-1].partition(", each with")[0]
    )
    assert sorted(named) == sorted(COUNTED)


def test_limits_are_as_listed():
    text = section("What becomes of a call")
    assert f"{MOST_BYTES >> 20} MiB" in text
    assert f"{MOST_EVENTS:,} events" in text
    assert f"at most {AHEAD // 60_000_000} minutes" in section("What is checked")


def test_metrics_are_as_listed():
    metrics = Metrics()
    metrics.taken("a", Taken())
    metrics.called("a", "forged")
    there = {
        f"{family.name}_total": {label for sample in family.samples for label in sample.labels}
        for family in metrics.registry.collect()
    }
    said = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[2])) for row in rows("Metrics")}
    assert said.keys() == there.keys()
    assert all(there[name] <= labels for name, labels in said.items())
    results = {refused.result for refused in errors.Refused.__subclasses__()}
    (calls,) = [row for row in rows("Metrics") if "calls" in row[0]]
    assert results | {"taken", "repeated", "unavailable"} <= set(re.findall(r"`(\w+)`", calls[3]))


def test_links_lead_somewhere():
    for target, anchor in re.findall(r"\]\(([^)#:]+)(?:#([\w-]+))?\)", PAGE):
        path = Path(__file__).parents[2] / "docs" / target
        titles = [
            re.sub(r"[^\w -]", "", t).lower().replace(" ", "-")
            for t in re.findall(r"\n#+ (.*)", path.read_text())
        ]
        assert not anchor or anchor in titles
