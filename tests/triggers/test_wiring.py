"""What an installation tells the app: a key to sign with where one is needed, and brokers by name."""

import base64

import pytest

from deploy import triggering
from deploy.settings import Settings, SettingsError
from speed_layer.triggers.definition import parse
from tests.operations.environment import GIVEN

HOOKED = parse("triggers: {t: {when: {web: {kind: x}}, webhook: 'https://shop.example/'}}")
TOPIC = parse("triggers: {t: {when: {web: {kind: x}}}}")
KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def settings(**more):
    return Settings.load(GIVEN | more)


def test_a_webhook_needs_a_key():
    with pytest.raises(
        SettingsError, match=r"^UCID_WEBHOOK_KEY is not set, and the trigger t goes to a webhook"
    ):
        triggering.webhook(settings(), HOOKED)
    assert triggering.webhook(settings(UCID_WEBHOOK_KEY=KEY), HOOKED) is not None


def test_no_webhook_needs_none():
    assert triggering.webhook(settings(), TOPIC) is None


def test_what_is_no_key_is_refused_and_not_repeated():
    with pytest.raises(SettingsError, match=r"^UCID_WEBHOOK_KEY is no key: write whsec_") as refused:
        triggering.webhook(settings(UCID_WEBHOOK_KEY="open sesame"), HOOKED)
    assert "sesame" not in str(refused.value)


def test_a_key_may_be_a_file(tmp_path):
    (tmp_path / "key").write_text(f"{KEY}\n")
    given = settings(UCID_WEBHOOK_KEY_FILE=str(tmp_path / "key"))
    assert given.webhook_key == KEY
    assert KEY not in repr(given)


def test_every_broker_is_named(tmp_path):
    assert triggering.options(settings(), tmp_path) == {
        "broker": ["kafka://kafka-1:9092", "kafka://kafka-2:9092"],
        "datadir": str(tmp_path),
    }
