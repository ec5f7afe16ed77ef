"""Settings of TLS and users: what contradicts itself is named, and a secret is never told."""

import re

import pytest

from deploy.security import KafkaSecurity, RedisSecurity
from deploy.settings import Settings, SettingsError
from tests.operations.environment import GIVEN, SASL

SECRET = "correct horse battery staple"


@pytest.fixture
def pem(tmp_path):
    path = tmp_path / "file.pem"
    path.write_text("PEM")
    return str(path)


def load(**more):
    return Settings.load(GIVEN | {f"UCID_{name}": value for name, value in more.items()})


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"KAFKA_SECURITY": "tls"}, "UCID_KAFKA_SECURITY"),
        ({"KAFKA_USER": "ann"}, "UCID_KAFKA_USER"),
        ({"KAFKA_PASSWORD": SECRET}, "UCID_KAFKA_PASSWORD"),
        ({"KAFKA_PASSWORD_FILE": "/run/secrets/kafka"}, "UCID_KAFKA_PASSWORD_FILE"),
        ({"KAFKA_SASL": "PLAIN"}, "UCID_KAFKA_SASL"),
        ({"KAFKA_SECURITY": "ssl", "KAFKA_USER": "ann"}, "UCID_KAFKA_USER"),
        ({"KAFKA_SECURITY": "sasl_ssl", "KAFKA_PASSWORD": SECRET}, "UCID_KAFKA_USER"),
        ({"KAFKA_SECURITY": "sasl_ssl", "KAFKA_USER": "ann"}, "UCID_KAFKA_PASSWORD"),
        (
            {
                "KAFKA_SECURITY": "sasl_ssl",
                "KAFKA_USER": "a",
                "KAFKA_PASSWORD": SECRET,
                "KAFKA_SASL": "GSSAPI",
            },
            "UCID_KAFKA_SASL",
        ),
        ({"KAFKA_CA": "{pem}"}, "UCID_KAFKA_CA"),
        ({"KAFKA_SECURITY": "ssl", "KAFKA_CA": "/nonexistent.pem"}, "UCID_KAFKA_CA"),
        ({"KAFKA_SECURITY": "ssl", "KAFKA_CERT": "{pem}"}, "UCID_KAFKA_CERT"),
        ({"KAFKA_SECURITY": "ssl", "KAFKA_KEY": "{pem}"}, "UCID_KAFKA_KEY"),
        ({"REDIS": "redis.example.com:6379"}, "UCID_REDIS"),
        ({"REDIS": f"http://ann:{SECRET}@redis"}, "UCID_REDIS"),
        ({"REDIS": f"redis://ann:{SECRET}/x@redis:6379"}, "UCID_REDIS"),
        ({"REDIS": f"redis://ann:{SECRET}#x@redis:6379"}, "UCID_REDIS"),
        ({"REDIS": f"redis://ann:12/{SECRET}@redis:6379"}, "UCID_REDIS"),
        ({"REDIS": f"redis://:{SECRET}@redis", "REDIS_PASSWORD": SECRET}, "UCID_REDIS_PASSWORD"),
        ({"REDIS_CA": "{pem}"}, "UCID_REDIS_CA"),
        ({"REDIS": "rediss://redis", "REDIS_CA": "/nonexistent.pem"}, "UCID_REDIS_CA"),
        ({"REDIS": "rediss://redis", "REDIS_CERT": "{pem}"}, "UCID_REDIS_CERT"),
        ({"REDIS_TIMEOUT": "soon"}, "UCID_REDIS_TIMEOUT"),
        ({"REDIS_TIMEOUT": "0"}, "UCID_REDIS_TIMEOUT"),
        ({"REDIS_TIMEOUT": "nan"}, "UCID_REDIS_TIMEOUT"),
        ({"SPEED_HTTP": "on"}, "UCID_SPEED_HTTP"),
        ({"ID_KEY_FILE": "/nonexistent"}, "UCID_ID_KEY"),
    ],
)
def test_a_contradiction_is_named_and_no_secret_told(more, named, pem):
    env = GIVEN | {f"UCID_{name}": value.format(pem=pem) for name, value in more.items()}
    with pytest.raises(SettingsError, match=rf"^{named}\b") as caught:
        Settings.load(env)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("security", "variable", "value"),
    [
        (KafkaSecurity, "UCID_KAFKA_SECURITY", "ssl"),
        (RedisSecurity, "UCID_REDIS_PASSWORD", SECRET),
        (RedisSecurity, "UCID_REDIS_CA", "/nonexistent.pem"),
    ],
)
def test_the_local_stack_knows_no_security(security, variable, value):
    with pytest.raises(SettingsError, match=f"^{variable} is ") as caught:
        security.load({variable: value})
    assert SECRET not in str(caught.value)


def test_secrets_are_not_shown():
    settings = load(
        KAFKA_SECURITY="sasl_ssl",
        KAFKA_USER="ann",
        KAFKA_PASSWORD=SECRET,
        REDIS=f"redis://ann:{SECRET}@redis",
        ID_KEY=SECRET * 2,
    )
    assert SECRET not in repr(settings)
    other = load(REDIS="redis://ann@redis", REDIS_PASSWORD=SECRET)
    assert SECRET not in repr(other)
    assert other.redis_security.options() == {"password": SECRET}


def test_a_secret_may_be_a_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    settings = Settings.load(
        GIVEN | SASL | {"UCID_KAFKA_PASSWORD": "", "UCID_KAFKA_PASSWORD_FILE": str(path)}
    )
    assert settings.kafka_security.password == SECRET
    with pytest.raises(
        SettingsError, match=r"^UCID_KAFKA_PASSWORD and UCID_KAFKA_PASSWORD_FILE are both set"
    ):
        Settings.load(GIVEN | SASL | {"UCID_KAFKA_PASSWORD_FILE": str(path)})
    path.write_text("\n")
    with pytest.raises(SettingsError, match=r"^UCID_REDIS_PASSWORD_FILE is .*, which is empty"):
        load(REDIS_PASSWORD_FILE=str(path))
    path.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match=r"^UCID_REDIS_PASSWORD_FILE is .*: it is not UTF-8"):
        load(REDIS_PASSWORD_FILE=str(path))


def test_plaintext_asks_for_nothing():
    security = load().kafka_security
    assert (security.client(), security.java()) == ({}, {})


def test_kafka_is_told_the_same_in_both_languages(pem):
    security = load(
        KAFKA_SECURITY="SASL_SSL",
        KAFKA_USER="ann",
        KAFKA_PASSWORD='a"b\\c',
        KAFKA_SASL="scram-sha-256",
        KAFKA_CA=pem,
        KAFKA_CERT=pem,
        KAFKA_KEY=pem,
    ).kafka_security
    assert security.client() == {
        "security.protocol": "sasl_ssl",
        "sasl.mechanisms": "SCRAM-SHA-256",
        "sasl.username": "ann",
        "sasl.password": 'a"b\\c',
        "ssl.ca.location": pem,
        "ssl.certificate.location": pem,
        "ssl.key.location": pem,
    }
    module = "org.apache.kafka.common.security.scram.ScramLoginModule"
    assert security.java() == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-256",
        "sasl.jaas.config": rf'{module} required username="ann" password="a\"b\\c";',
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": pem,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": "PEM",
        "ssl.keystore.key": "PEM",
    }


def test_redis_by_tls(pem):
    security = load(REDIS="rediss://redis", REDIS_CA=pem, REDIS_CERT=pem, REDIS_KEY=pem).redis_security
    assert security.options() == {"ssl_ca_certs": pem, "ssl_certfile": pem, "ssl_keyfile": pem}


@pytest.mark.parametrize(
    ("given", "address"),
    [("off", None), ("9464", ("127.0.0.1", 9464)), ("0.0.0.0:9464", ("0.0.0.0", 9464))],
)
def test_where_a_worker_tells_its_health(given, address):
    assert load(SPEED_HTTP=given).speed_http == address


def test_messages_end_like_sentences():
    with pytest.raises(SettingsError) as caught:
        load(KAFKA_SECURITY="sasl_ssl")
    assert re.fullmatch(r"UCID_.*\.", str(caught.value))
