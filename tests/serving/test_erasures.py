"""Erasures over HTTP: who may, whom it means, and what stands in the audit log."""

import pytest

from tests.serving.world import TOM

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
