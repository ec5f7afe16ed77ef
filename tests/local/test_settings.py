import subprocess
import sys
from pathlib import Path

import pytest

from deploy.settings import Settings, SettingsError

GIVEN = {
    "UCID_HOME": "/nonexistent/ucid",
    "UCID_CACHE": "/var/cache/ucid",
    "UCID_KAFKA": "kafka-1:9092,kafka-2:9092",
    "UCID_REDIS": "rediss://redis:6379/1",
    "UCID_GENERATIONS": "/srv/generations",
    "UCID_DELTA": "/srv/delta",
    "UCID_ID_KEY": "0123456789abcdef0123456789abcdef",
}


def test_the_environment_is_enough():
    assert Settings.load(GIVEN | {"UCID_TENANT": "acme", "UCID_HTTP": "0.0.0.0:80"}) == Settings(
        home=Path("/nonexistent/ucid"),
        cache=Path("/var/cache/ucid"),
        kafka="kafka-1:9092,kafka-2:9092",
        redis_url="rediss://redis:6379/1",
        generations=Path("/srv/generations"),
        delta=Path("/srv/delta"),
        id_key=b"0123456789abcdef0123456789abcdef",
        tenant="acme",
        http_host="0.0.0.0",
        http_port=80,
    )


def test_defaults():
    settings = Settings.load(GIVEN)
    assert (settings.tenant, settings.http_host, settings.http_port) == ("default", "127.0.0.1", 8080)


def test_the_key_is_not_shown():
    assert "0123" not in repr(Settings.load(GIVEN))


@pytest.mark.parametrize(
    "variable", ["UCID_KAFKA", "UCID_REDIS", "UCID_GENERATIONS", "UCID_DELTA", "UCID_ID_KEY"]
)
def test_what_is_missing_is_named(variable):
    env = {name: value for name, value in GIVEN.items() if name != variable}
    with pytest.raises(SettingsError, match=rf"^{variable} is not set.*/nonexistent/ucid.*`ucid up`"):
        Settings.load(env)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("UCID_TENANT", "a:b"),
        ("UCID_TENANT", "-a"),
        ("UCID_ID_KEY", "short"),
        ("UCID_HTTP", "localhost"),
        ("UCID_HTTP", ":80"),
        ("UCID_HTTP", "host:70000"),
    ],
)
def test_what_makes_no_sense_is_named(variable, value):
    with pytest.raises(SettingsError, match=f"^{variable} is "):
        Settings.load(GIVEN | {variable: value})


@pytest.mark.parametrize(
    ("given", "host", "port"),
    [("9000", "127.0.0.1", 9000), ("0.0.0.0:9000", "0.0.0.0", 9000), ("[::1]:9000", "::1", 9000)],
)
def test_http_addresses(given, host, port):
    settings = Settings.load(GIVEN | {"UCID_HTTP": given})
    assert (settings.http_host, settings.http_port) == (host, port)


def test_importing_settings_loads_no_client(python_env):
    code = "import sys, deploy.settings; print(*{'confluent_kafka', 'pyspark', 'redis'} & set(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], env=python_env, capture_output=True, check=True)
    assert loaded.stdout.strip() == b""
