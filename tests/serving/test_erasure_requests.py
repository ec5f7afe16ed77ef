"""Four eyes: one asks, another approves, and nothing is erased before."""

from unittest.mock import AsyncMock

import pytest
from redis.exceptions import RedisError

from schemas import overlay
from serving_layer import asked
from tests.serving.world import TOM

PATH = "/v1/erasures/requests"
WISH = {"type": "login", "value": "tom", "why": "a letter of 3 May"}


@pytest.fixture
def asker(served):
    return served.key("four_eyes")


@pytest.fixture
def other(served):
    return served.key("four_eyes")


def post(served, key, what="", **body):
    return served.ask("POST", PATH + what, body, key)


def waiting(served, key):
    return served.ask("GET", "/v1/erasures/waiting", key=key).json()["requests"]


def test_who_asked_cannot_approve_and_another_can(world, served, asker, other):
    world.apply({**TOM, "cookie": "new"})
    answer = post(served, asker, **WISH)
    assert answer.status == 202
    (own,) = waiting(served, asker)
    (seen,) = waiting(served, other)
    assert (own["own"], seen["own"]) == (True, False)
    assert own == seen | {"own": True}
    assert own["identifier"] == {"type": "login", "value": "tom"}
    assert (own["by"], own["why"], own["only"]) == ("key k_0", WISH["why"], False)
    request = answer.json()["request"]
    refused = post(served, asker, "/approve", request=request)
    assert (refused.status, refused.json()["error"]) == (403, "who asked cannot approve: another key has to")
    assert served.erasing.sent == []

    approved = post(served, other, "/approve", request=request)
    assert (approved.status, approved.json()) == (202, {"receipt": request})
    (sent,) = served.erasing.sent
    assert (sent.erasure_id, sent.who) == (f"{request}.0", "key k_1")
    assert {(x.type, x.value) for x in sent.identifiers} >= {*TOM.items(), ("cookie", "new")}
    assert waiting(served, other) == []
    assert post(served, other, "/approve", request=request).status == 404
    audited = "".join(path.read_text() for path in served.audit.glob("*.jsonl"))
    assert all(f'"{act}"' in audited for act in ("erase_asked", "erase_read", "erase_approved", "erase"))
    assert TOM["email"] not in audited


def test_while_the_log_is_away_the_request_waits_on_and_is_the_same_erasure(
    served, asker, other, monkeypatch
):
    from schemas import Unavailable

    request = post(served, asker, **WISH, only=True).json()["request"]
    real = served.erasing.send

    async def sent_and_away(messages):
        await real(messages)
        raise Unavailable("Kafka has not said that it has the erasure")

    with monkeypatch.context() as patch:
        patch.setattr(served.erasing, "send", sent_and_away)
        assert post(served, other, "/approve", request=request).status == 503
    assert len(waiting(served, other)) == 1
    assert post(served, other, "/approve", request=request).status == 202
    first, again = served.erasing.sent
    assert first.erasure_id == again.erasure_id
    assert [(x.type, x.value) for x in again.identifiers] == [("login", "tom")]


def test_either_may_reject(served, asker, other):
    for key in (asker, other):
        request = post(served, asker, **WISH).json()["request"]
        assert post(served, key, "/reject", request=request).json() == {"request": request}
        assert waiting(served, other) == []
        assert post(served, key, "/reject", request=request).status == 404
    assert served.erasing.sent == []


def test_tenants_do_not_meet(served, asker):
    request = post(served, asker, **WISH).json()["request"]
    stranger = served.key("four_eyes", tenant="other")
    assert waiting(served, stranger) == []
    assert post(served, stranger, "/approve", request=request).status == 404


def test_a_key_that_may_erase_alone_is_another_thing(served):
    assert post(served, served.key("erase"), **WISH).status == 403
    four_eyes = served.key("four_eyes")
    assert served.ask("POST", "/v1/erasures", {"type": "login", "value": "tom"}, four_eyes).status == 403


@pytest.mark.parametrize("change", [{"type": "passport"}, {"why": ""}, {"value": "test"}, {"wy": "x"}])
def test_what_cannot_be_is_refused(served, asker, change):
    assert post(served, asker, **WISH | change).status == 400
    assert waiting(served, asker) == []


def test_nothing_waits_for_ever_and_no_end_of_requests_does(served, asker, world, monkeypatch):
    monkeypatch.setattr(asked, "MOST", 1)
    assert post(served, asker, **WISH).status == 202
    assert post(served, asker, **WISH).status == 429
    monkeypatch.setattr(asked, "KEPT", -1)
    assert waiting(served, asker) == []
    assert not world.redis.exists(overlay.asked_key("default"))


def test_without_redis_nobody_is_told_that_it_was_asked_for(served, asker, monkeypatch):
    monkeypatch.setattr(served.shared._redis, "hset", AsyncMock(side_effect=RedisError))
    answer = post(served, asker, **WISH)
    assert (answer.status, waiting(served, asker)) == (503, [])
    assert "tom" not in answer.text
