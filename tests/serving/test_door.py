"""What must hold before others than this machine can ask; and what `ucid keys` does."""

import json

import pytest

from deploy.api_keys import DEMO_SECRET, ensure_demo_key
from deploy.cli import main
from deploy.door import check
from deploy.settings import Settings, SettingsError
from serving_layer.access.keys import KeyRing, load
from serving_layer.access.principal import SCOPES

RANDOM = "3f0b6a91d27c48e5b1f09c3ad6e7825470ab93cc1de8f6425b9717e0348dacf2"


@pytest.fixture
def env(tmp_path, monkeypatch):
    given = {"KAFKA": "x:9", "REDIS": "redis://x", "GENERATIONS": "/g", "DELTA": "/d", "HOME": "/nonexistent"}
    given |= {"ID_KEY": RANDOM, "KEYS": str(tmp_path / "keys.json"), "HTTP": "0.0.0.0:8080"}
    for name, value in given.items():
        monkeypatch.setenv(f"UCID_{name}", value)
    return monkeypatch


@pytest.mark.usefixtures("env")
def test_with_keys_of_its_own_a_server_opens():
    main(["keys", "create", "shop"])
    check(Settings.load())


def test_the_demo_s_key_is_for_this_machine_alone(env, tmp_path):
    settings = Settings.load()
    ensure_demo_key(settings.keys, tmp_path, "default")
    with pytest.raises(SettingsError, match=r"is the demo's key: 'ucid keys revoke k_"):
        check(settings)
    for host in ("127.0.0.1:80", "[::1]:80", "localhost:80"):
        env.setenv("UCID_HTTP", host)
        check(Settings.load())


@pytest.mark.usefixtures("env")
def test_the_demo_s_key_opens_everything_once(tmp_path):
    settings = Settings.load()
    ensure_demo_key(settings.keys, tmp_path, "default")
    secret = (tmp_path / DEMO_SECRET).read_text().strip()
    assert (tmp_path / DEMO_SECRET).stat().st_mode & 0o777 == 0o600
    ensure_demo_key(settings.keys, tmp_path, "default")
    assert (tmp_path / DEMO_SECRET).read_text().strip() == secret
    assert len(KeyRing(settings.keys).find(secret).scopes) == len(SCOPES)


@pytest.mark.parametrize(
    "key", ["k" * 32, "0123456789abcdef" * 2, "changeme" * 4, "abcdefghijklmnopqrstuvwxyz0123456789"]
)
def test_an_id_key_that_looks_like_an_example_is_refused(env, key):
    env.setenv("UCID_ID_KEY", key)
    with pytest.raises(SettingsError, match="UCID_ID_KEY looks like an example") as caught:
        check(Settings.load())
    assert key not in str(caught.value)


@pytest.mark.parametrize("name", ["keys", "audit", "anchors"])
def test_without_a_local_stack_each_place_has_to_be_said(env, name, tmp_path):
    env.delenv("UCID_KEYS")
    env.setenv("UCID_HOME", str(tmp_path / "none"))
    with pytest.raises(SettingsError, match=r"^UCID_[A-Z_]+ is not set, and there is no local stack in"):
        getattr(Settings.load(), name)


def ucid(capsys, *arguments):
    code = main(["keys", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.usefixtures("env")
def test_keys_are_made_rotated_listed_and_revoked(capsys):
    code, out, _ = ucid(
        capsys, "create", "shop", "--scopes", "lookup,read", "--rate", "50", "--expires", "30"
    )
    first = out.strip()
    assert code == 0
    (key,) = load(Settings.load().keys).keys
    assert (key.name, key.scopes, key.rate, key.tenant) == ("shop", ("lookup", "read"), 50, "default")
    assert key.secrets[0].expires - key.created == 30 * 86_400
    code, out, _ = ucid(capsys, "rotate", key.id, "--grace", "2")
    second = out.strip()
    ring = KeyRing(Settings.load().keys)
    assert ring.find(first) is ring.find(second)
    assert second != first
    code, out, _ = ucid(capsys, "list")
    told = json.loads(out)
    assert (told["id"], len(told["secrets"]), "sha256" in out) == (key.id, 2, False)
    code, out, err = ucid(capsys, "rotate", key.id)
    assert (code, "2 secrets that are valid" in err) == (2, True)
    assert ucid(capsys, "revoke", key.id)[0] == 0
    assert KeyRing(Settings.load().keys).find(second) is None


@pytest.mark.parametrize("action", [["rotate", "k_x"], ["revoke", "k_x"]])
@pytest.mark.usefixtures("env")
def test_a_key_that_there_is_not_is_named(capsys, action):
    code, _, err = ucid(capsys, *action)
    assert (code, err) == (2, "ucid: there is no key k_x: 'ucid keys list' names them all\n")


@pytest.mark.parametrize("wrong", [["--scopes", "lookup,all"], ["--rate", "-1"], ["--expires", "4000"]])
@pytest.mark.usefixtures("env")
def test_a_key_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(SystemExit) as caught:
        main(["keys", "create", "shop", *wrong])
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"HTTP_WORKERS": "0"}, "UCID_HTTP_WORKERS is '0'"),
        ({"HTTP_WORKERS": "many"}, "UCID_HTTP_WORKERS is 'many'"),
        ({"HTTP_CERT": "/nonexistent"}, "UCID_HTTP_CERT is set, and UCID_HTTP_KEY is not"),
        ({"OIDC_ISSUER": "https://x"}, "UCID_OIDC_AUDIENCE is not set"),
        (
            {"OIDC_ISSUER": "https://x", "OIDC_AUDIENCE": "a", "OIDC_JWKS": "http://x/jwks"},
            "UCID_OIDC_JWKS has to begin with https://",
        ),
    ],
)
def test_settings_that_make_no_sense_are_named(env, more, named):
    for name, value in more.items():
        env.setenv(f"UCID_{name}", value)
    with pytest.raises(SettingsError) as caught:
        Settings.load()
    assert str(caught.value).startswith(named)
