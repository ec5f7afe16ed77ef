"""The topics as the broker is told to make them, and what importing all this costs."""

import subprocess
import sys

from schemas import DEAD_LETTERS, EMAIL, TOPICS, WEB, DeadLetter, decode, encode


def test_every_topic_is_stamped_by_the_log():
    assert all(topic.config["message.timestamp.type"] == "LogAppendTime" for topic in TOPICS.values())
    assert {name: topic.partitions for name, topic in TOPICS.items()} == {
        "web.events": 4,
        "email.events": 4,
        "customer.consents": 4,
        "customer.changes": 1,
        "customer.decisions": 1,
        "customer.erasures": 1,
        "customer.triggers": 4,
        "customer.triggers.due": 4,
        "dead.letters": 1,
    }


def test_what_is_too_large_reaches_us_and_fits_a_dead_letter():
    letters = TOPICS[DEAD_LETTERS]
    for name in (WEB, EMAIL):
        topic = TOPICS[name]
        assert int(topic.config["max.message.bytes"]) == 12 << 20 > topic.max_payload
        letter = DeadLetter(
            topic=name,
            partition=0,
            offset=0,
            ingested_at=0,
            value=bytes(topic.max_message),
            reason="too large",
        )
        payload = encode(letter)
        assert len(payload) < letters.max_payload < letters.max_message
        assert decode(DEAD_LETTERS, payload, 0) == letter


def test_importing_the_contracts_loads_no_avro_and_no_kafka():
    program = "import sys, schemas; print({'fastavro', 'confluent_kafka', 'numpy'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "set()"
