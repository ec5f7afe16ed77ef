"""A real broker behind TLS: every client gets in by settings alone, and says so when it does not."""

import os
import subprocess
import sys

import pytest
from confluent_kafka import KafkaException, TopicPartition

from deploy import bootstrap
from deploy.awaiting import until
from deploy.kafka import KafkaRefused
from deploy.sending import send
from deploy.settings import Settings, SettingsError
from schemas import WEB
from tests.operations.environment import GIVEN
from tests.operations.secure_kafka import PASSWORD, USER, SecureKafka

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture(scope="module")
def broker(tmp_path_factory, authority):
    with SecureKafka(tmp_path_factory.mktemp("kafka"), authority) as broker:
        yield broker


@pytest.fixture(scope="module")
def by_password(broker, authority):
    return GIVEN | {
        "UCID_KAFKA": broker.sasl,
        "UCID_KAFKA_SECURITY": "sasl_ssl",
        "UCID_KAFKA_USER": USER,
        "UCID_KAFKA_PASSWORD": PASSWORD,
        "UCID_KAFKA_CA": str(authority.ca),
    }


@pytest.fixture(scope="module")
def by_certificate(broker, authority):
    certificate, key = authority.issue("client")
    return GIVEN | {
        "UCID_KAFKA": broker.tls,
        "UCID_KAFKA_SECURITY": "ssl",
        "UCID_KAFKA_CA": str(authority.ca),
        "UCID_KAFKA_CERT": str(certificate),
        "UCID_KAFKA_KEY": str(key),
    }


def round_trip(settings):
    """Create the topics, send one message and read it back."""
    bootstrap.create_topics(settings)
    bootstrap.create_topics(settings)  # which are there now
    consumer = bootstrap.consumer(settings, "test")
    where = [TopicPartition(WEB, n) for n in range(bootstrap.PARTITIONS[WEB])]
    ends = [consumer.get_watermark_offsets(partition, timeout=20)[1] for partition in where]
    consumer.assign([TopicPartition(p.topic, p.partition, end) for p, end in zip(where, ends, strict=True)])
    send(bootstrap.producer(settings), WEB, [b"hello"])
    found = []
    until(lambda: found.extend(consumer.consume(1, 0.5)) or bool(found), "the message", deadline=30)
    consumer.close()
    return found[0].value()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_by_password(by_password, mechanism):
    assert round_trip(Settings.load(by_password | {"UCID_KAFKA_SASL": mechanism})) == b"hello"


def test_by_certificate(by_certificate):
    assert round_trip(Settings.load(by_certificate)) == b"hello"


def create(settings):
    bootstrap.create_topics(settings)


def produce(settings):
    send(bootstrap.producer(settings), WEB, [b"hello"])


def consume(settings):
    consumer = bootstrap.consumer(settings, "test")
    try:
        consumer.subscribe([WEB])
        until(lambda: bool(consumer.consume(1, 1.0)), "a message", deadline=20)
    finally:
        consumer.close()


@pytest.mark.parametrize("act", [create, produce, consume])
@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
def test_a_wrong_password_is_said_so(by_password, act, mechanism):
    wrong = by_password | {"UCID_KAFKA_PASSWORD": "opensesame", "UCID_KAFKA_SASL": mechanism}
    with pytest.raises(KafkaRefused, match="UCID_KAFKA_PASSWORD") as caught:
        act(Settings.load(wrong))
    assert isinstance(caught.value, KafkaException), "a worker rides it out"
    assert isinstance(caught.value, SettingsError), "a command ends with it"
    assert "opensesame" not in str(caught.value)


@pytest.mark.parametrize("act", [create, produce, consume])
def test_a_broker_that_we_do_not_trust_is_said_so(by_password, act):
    with pytest.raises(KafkaRefused, match="UCID_KAFKA_CA"):
        act(Settings.load(by_password | {"UCID_KAFKA_CA": ""}))


def test_a_client_that_shows_no_certificate_is_said_so(by_certificate):
    with pytest.raises(KafkaRefused, match="UCID_KAFKA_CERT"):
        create(Settings.load(by_certificate | {"UCID_KAFKA_CERT": "", "UCID_KAFKA_KEY": ""}))


def test_spark_gets_in_with_the_same_settings(by_password, by_certificate, spark, tmp_path):
    from batch_layer.bronze import Bronze

    for name, env in (("password", by_password), ("certificate", by_certificate)):
        settings = Settings.load(env)
        bootstrap.create_topics(settings)
        send(bootstrap.producer(settings), WEB, [b"for spark"])
        security = settings.kafka_security
        places = (settings.kafka, bootstrap.PARTITIONS, security.client(), security.java())
        bronze = Bronze(spark, tmp_path / name, *places)
        bronze.land()
        assert bronze.landed >= 1
        assert bronze.table().where("value = 'for spark'").count() >= 1


def test_triggers_get_in_with_the_same_settings(by_password, by_certificate, tmp_path):
    doors = {
        "password": by_password,
        "certificate": by_certificate,
    }
    for name, env in doors.items():
        log = tmp_path / f"{name}.log"
        with log.open("wb") as file:
            running = subprocess.Popen(
                [sys.executable, "-m", "deploy", "triggers"], env=os.environ | env, stdout=file, stderr=file
            )
        try:
            until(
                lambda log=log: "following the log" in log.read_text(), f"{name}: to be let in; see {log}", 60
            )
        finally:
            running.kill()
            running.wait()
        assert PASSWORD not in log.read_text()


def test_a_batch_job_is_told_all_of_it(by_password, monkeypatch):
    import batch_layer.session

    monkeypatch.setattr(batch_layer.session, "session", lambda *_: None)
    settings = Settings.load(by_password)
    job = bootstrap.batch_job(settings)
    assert job.kafka_settings == settings.kafka_security.client()
    assert job.spark_kafka_settings == settings.kafka_security.java()
    assert PASSWORD not in repr(job)
