"""Producers and consumers need not change on one day."""

import json
from importlib import resources

import pytest
from fastavro.utils import generate_many

from schemas import TOPICS, Malformed
from schemas.single_object import SingleObject, single_object

V1 = {
    "type": "record",
    "name": "Visit",
    "namespace": "ucid",
    "fields": [{"name": "id", "type": "string"}, {"name": "gone", "type": "string"}],
}
V2 = V1 | {
    "fields": [
        {"name": "id", "type": "string"},
        {"name": "channel", "type": "string", "default": "web"},
        {"name": "labels", "type": {"type": "map", "values": "string"}, "default": {}},
    ]
}
OLD, NEW, BOTH = SingleObject([V1]), SingleObject([V2]), SingleObject([V1, V2])


def test_old_bytes_are_read_as_the_newest_version():
    assert BOTH.read(OLD.write({"id": "a", "gone": "1"})) == {"id": "a", "channel": "web", "labels": {}}


def test_new_bytes_are_written_and_read_as_the_newest_version():
    fields = {"id": "a", "channel": "app", "labels": {"x": "y"}}
    assert BOTH.write(fields) == NEW.write(fields)
    assert BOTH.read(NEW.write(fields)) == fields


def test_bytes_from_a_version_ahead_of_us_are_refused_by_its_fingerprint():
    payload = NEW.write({"id": "a"})
    with pytest.raises(Malformed, match=f"fingerprint {payload[9:1:-1].hex()} is no known version of Visit"):
        OLD.read(payload)


@pytest.mark.parametrize("cut", range(1, 12))
def test_old_bytes_that_end_early_are_refused_even_within_a_field_that_is_gone(cut):
    payload = OLD.write({"id": "ab", "gone": "1234567"})
    with pytest.raises(Malformed, match=r"Avro: (the body is truncated|shorter than its header)"):
        BOTH.read(payload[:-cut])


def test_old_bytes_with_a_tail_are_refused():
    with pytest.raises(Malformed, match="after the end"):
        BOTH.read(OLD.write({"id": "a", "gone": "1"}) + b"\0")


def crc_64_avro(data):
    """The fingerprint as the Avro specification writes it down."""
    empty = 0xC15D213AA4D7A795
    result = empty
    for byte in data:
        entry = (result ^ byte) & 0xFF
        for _ in range(8):
            entry = (entry >> 1) ^ (empty if entry & 1 else 0)
        result = (result >> 8) ^ entry
    return result


def test_the_fingerprint_is_that_of_the_canonical_form():
    assert crc_64_avro(b'"null"') == 0x63DD24E7CC258F8A  # a test vector of the Avro project
    canonical = (
        b'{"name":"ucid.Visit","type":"record","fields":'
        b'[{"name":"id","type":"string"},{"name":"gone","type":"string"}]}'
    )
    assert OLD.write({"id": "", "gone": ""})[2:10] == crc_64_avro(canonical).to_bytes(8, "little")


@pytest.mark.parametrize("topic", TOPICS.values(), ids=lambda topic: topic.name)
def test_every_version_ever_published_is_read_as_the_newest(topic):
    files = resources.files("schemas").joinpath("avro").iterdir()
    name = topic.record.SCHEMA
    versions = [json.loads(file.read_text()) for file in files if file.name.startswith(f"{name}.v")]
    assert versions
    for version in versions:
        for fields in generate_many(version, 20):
            read = single_object(name).read(SingleObject([version]).write(fields))
            assert set(read) == set(topic.record.__struct_fields__)
