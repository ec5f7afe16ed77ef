"""Erasures: who may, whom it means, and what stands in the audit log."""

import time
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaException

from deploy.demo import visitor
from deploy.forget import forget
from schemas import ERASURES, decode
from serving_layer.access.audit import Seal
from serving_layer.access.verify import entries
from tests.serving.client import ID_KEY
from tests.serving.world import ANN, TOM, identifiers
from tests.speed.kafka import FakeProducer

ERASE, RECEIPT = "/v1/erasures", "/v1/erasures/receipt"


@pytest.fixture
def key(served):
    return served.key("erase")


def post(served, path, body, key):
    return served.ask("POST", path, body, key)


def test_the_whole_customer_is_meant(world, served, key):
    world.apply({**TOM, "cookie": "new"})
    answer = post(served, ERASE, {"type": "login", "value": "tom"}, key)
    assert answer.status == 202
    assert answer.json().keys() == {"receipt"}
    (sent,) = served.erasing.sent
    assert sent.erasure_id == f"{answer.json()['receipt']}.0"
    assert {(x.type, x.value) for x in sent.identifiers} >= {*TOM.items(), ("cookie", "new")}
    audited = "".join(path.read_text() for path in served.audit.glob("*.jsonl"))
    assert '"erase"' in audited
    assert answer.json()["receipt"] in audited
    assert not any(value in audited for value in TOM.values() if len(value) > 3)


def test_one_identifier_alone(served, key):
    post(served, ERASE, {"type": "login", "value": "tom", "only": True}, key)
    (sent,) = served.erasing.sent
    assert [(x.type, x.value) for x in sent.identifiers] == [("login", "tom")]


def test_nobody_is_answered_like_somebody(served, key):
    known = post(served, ERASE, {"type": "login", "value": "tom"}, key)
    unknown = post(served, ERASE, {"type": "login", "value": "nobody"}, key)
    assert (known.status, known.json().keys()) == (unknown.status, unknown.json().keys())


def test_what_cannot_be_is_refused(served, key):
    assert post(served, ERASE, {"type": "passport", "value": "x"}, key).status == 400
    assert post(served, ERASE, {"value": "x"}, key).status == 400
    assert post(served, RECEIPT, {"receipt": "unknown"}, key).status == 404
    assert served.erasing.sent == []


def test_a_receipt_lists_stores(served, key):
    answer = post(served, RECEIPT, {"receipt": "known"}, key)
    assert answer.json() == {"receipt": "known", "stores": [{"store": "answers", "done": True}]}


@pytest.fixture
def own(tmp_path):
    """As much of the settings as forgetting needs on the machine itself."""
    return SimpleNamespace(
        tenant="default", id_key=ID_KEY, audit=tmp_path / "audit", anchors=tmp_path / "anchors"
    )


def noted(settings):
    return [(entry.act, set(entry.about), entry.detail) for _, entry in entries(settings.audit)]


def seals(settings, event):
    return {Seal(settings.id_key).of(settings.tenant, x) for x in identifiers(event)}


def test_who_is_forgotten_by_a_command_is_noted_and_sent(own, view):
    producer = FakeProducer()
    asked = forget(own, view, producer, ("login", "tom"))
    ((topic, value, key),) = producer.sent
    assert (topic, key) == (ERASURES, f"{asked.receipt}.0".encode())
    sent = decode(ERASURES, value, time.time_ns() // 1_000)
    assert {(x.type, x.value) for x in sent.identifiers} == set(TOM.items())
    assert (asked.customer_id, asked.erased) == (view.lookup([("login", "tom")]).found[0].customer.id, 2)
    assert noted(own) == [("erase", seals(own, TOM), {"receipt": asked.receipt})]


def test_it_is_noted_before_it_is_sent(own, view):
    producer = FakeProducer()
    producer.away = True
    with pytest.raises(KafkaException):
        forget(own, view, producer, ("login", "tom"), only=True)
    assert [(act, about) for act, about, _ in noted(own)] == [("erase", seals(own, {"login": "tom"}))]


def test_the_demo_forgets_as_the_command_does(own, view, monkeypatch):
    monkeypatch.setattr(visitor, "_EMAIL", ("email", ANN["email"]))
    monkeypatch.setattr(visitor, "until", lambda *_, **__: None)  # nobody here works on what is sent
    monkeypatch.setattr(visitor, "receipt", lambda *_: [])
    producer = FakeProducer()
    visitor.Visitor(own, producer, view)._forget()
    assert [topic for topic, _, _ in producer.sent] == [ERASURES]
    assert [(act, about) for act, about, _ in noted(own)] == [("erase", seals(own, ANN))]
