"""A real Redis with users, and one behind TLS."""

import re
import time
from pathlib import Path

import pytest
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError

from deploy import bootstrap
from deploy.settings import Settings
from schemas import overlay
from speed_layer.webhooks.replays import Known, Replays, call_key
from tests.operations.environment import GIVEN
from tests.operations.tls_proxy import TlsProxy

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")


def client(url, **more):
    env = GIVEN | {"UCID_REDIS": url} | {f"UCID_REDIS_{name}": str(value) for name, value in more.items()}
    return bootstrap.redis(Settings.load(env))


@pytest.fixture
def acl(redis):
    """Users as docs/operations.md has them made."""
    for line in re.findall(r"^ACL SETUSER .*$", PAGE, flags=re.MULTILINE):
        redis.execute_command(*line.split())
    yield redis
    for user in redis.acl_list():
        if (name := user.split()[1]) != "default":
            redis.acl_deluser(name)


@pytest.mark.usefixtures("acl")
def test_a_user_of_its_own(server):
    with client(f"unix://ucid-speed:PASSWORD@{server.socket}") as redis:
        assert redis.ping()
    with client(f"unix://ucid-speed@{server.socket}", PASSWORD="PASSWORD") as redis:
        redis.set(overlay.LIVE, 1)
        with pytest.raises(NoPermissionError):
            redis.set("somebody:else", 1)
        with pytest.raises(NoPermissionError):
            redis.config_get("*")
    with client(f"unix://ucid-serve:PASSWORD@{server.socket}") as redis:
        assert redis.get(overlay.LIVE) == b"1"
        with pytest.raises(NoPermissionError):
            redis.set(overlay.LIVE, 2)
    with client(f"unix://ucid-webhooks:PASSWORD@{server.socket}") as redis:
        key = call_key("default", "newsletter", b"signed")
        Replays(redis).taken(key, b"", 1_000_000_000)
        assert Replays(redis).begin(key, b"", 1_000_000_000) is Known.TAKEN
        with pytest.raises(NoPermissionError):
            redis.get(overlay.LIVE)


@pytest.mark.usefixtures("acl")
def test_a_wrong_password_is_said_so_and_not_told(server):
    with (
        client(f"unix://ucid-speed:opensesame@{server.socket}") as redis,
        pytest.raises(AuthenticationError) as caught,
    ):
        redis.ping()
    assert "opensesame" not in str(caught.value)


def test_tls(server, authority):
    with (
        TlsProxy(server.socket, *authority.issue("redis", "IP:127.0.0.1")) as proxy,
        client(f"rediss://127.0.0.1:{proxy.port}/0", CA=authority.ca) as redis,
    ):
        assert redis.ping()


def test_tls_with_a_client_certificate(server, authority):
    certificate, key = authority.issue("worker")
    with TlsProxy(server.socket, *authority.issue("redis", "IP:127.0.0.1"), client_ca=authority.ca) as proxy:
        url = f"rediss://127.0.0.1:{proxy.port}/0"
        with client(url, CA=authority.ca, CERT=certificate, KEY=key) as redis:
            assert redis.ping()
        with client(url, CA=authority.ca) as redis, pytest.raises(RedisError):
            redis.ping()


@pytest.mark.parametrize("hosts", [["IP:127.0.0.2"], ["DNS:example.com"]])
def test_a_certificate_of_another_host_is_refused(server, authority, hosts):
    with (
        TlsProxy(server.socket, *authority.issue("other", *hosts)) as proxy,
        client(f"rediss://127.0.0.1:{proxy.port}/0", CA=authority.ca) as redis,
        pytest.raises(RedisError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        redis.ping()


def test_a_certificate_of_an_unknown_authority_is_refused(server, authority):
    with (
        TlsProxy(server.socket, *authority.issue("redis", "IP:127.0.0.1")) as proxy,
        client(f"rediss://127.0.0.1:{proxy.port}/0") as redis,
        pytest.raises(RedisError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        redis.ping()


def test_a_redis_that_hangs_is_given_up(server):
    with client(server.url, TIMEOUT="0.1") as redis, server.client() as other:
        assert redis.ping()
        other.execute_command("CLIENT", "PAUSE", 2_000)
        begun = time.monotonic()
        with pytest.raises(RedisError):
            redis.ping()
        assert time.monotonic() - begun < 1.5
        other.close()
