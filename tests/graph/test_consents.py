"""Claims in the view: merged, whatever collides; gone with it, and never forgotten before."""

import pytest

from identity import Identifier
from identity.consent import Permission, Statement
from schemas import overlay, records
from speed_layer import contention
from speed_layer.consents import Consents
from speed_layer.errors import Contention, LostView
from speed_layer.view import ViewState
from tests.graph.published import publish

TOM, ANN = Identifier("login", "tom"), Identifier("login", "ann")
ADS, MAIL = Permission("ads"), Permission("ads", "email")
EARLY, LATE = Statement(1, withdrawn=False), Statement(2, withdrawn=True)


@pytest.fixture
def consents(redis, tmp_path):
    generation = publish(
        tmp_path, [(records.claims_key("default", ANN), records.encode_claims([(ADS, LATE)]))]
    )
    return Consents(redis, generation, ViewState(redis, generation))


def value_of(redis, x, number=1):
    return redis.get(overlay.view_prefix(number) + records.claims_key("default", x))


def claims_in(redis, x):
    value = value_of(redis, x)
    return dict(records.decode_claims(overlay.record_of(value))) if value else None


def test_claims_are_merged_and_what_says_nothing_new_writes_nothing(redis, consents):
    consents.apply("default", {TOM: {ADS: LATE}})
    consents.apply("default", {TOM: {ADS: EARLY, MAIL: EARLY}})
    assert claims_in(redis, TOM) == {ADS: LATE, MAIL: EARLY}
    before = value_of(redis, TOM)
    consents.apply("default", {TOM: {ADS: EARLY, MAIL: EARLY}, ANN: {ADS: EARLY}})
    assert value_of(redis, TOM) == before
    assert value_of(redis, ANN) is None, "the generation knows better"


def test_what_the_generation_knows_is_taken_over(redis, consents):
    consents.apply("default", {ANN: {MAIL: EARLY}})
    assert claims_in(redis, ANN) == {ADS: LATE, MAIL: EARLY}


def test_workers_that_collide_lose_nothing(redis, consents, monkeypatch):
    write = consents._committer.write
    met = []

    def late(epoch, writes):
        if not met:
            met.append(len(writes))
            Consents(redis, consents._generation, consents._state).apply("default", {TOM: {MAIL: EARLY}})
        return write(epoch, writes)

    monkeypatch.setattr(consents._committer, "write", late)
    consents.apply("default", {TOM: {ADS: LATE}, ANN: {MAIL: EARLY}})
    assert met == [2]
    assert claims_in(redis, TOM) == {ADS: LATE, MAIL: EARLY}
    assert claims_in(redis, ANN) == {ADS: LATE, MAIL: EARLY}


def test_who_never_gets_through_says_so(consents, monkeypatch):
    monkeypatch.setattr(contention, "MAX_TRIES", 3)
    monkeypatch.setattr(consents._committer, "write", lambda _epoch, writes: [*range(len(writes))])
    with pytest.raises(Contention, match="a claim met a conflict 3 times"):
        consents.apply("default", {TOM: {ADS: LATE}})


def test_a_view_that_is_gone_takes_nothing(redis, consents):
    redis.flushall()
    with pytest.raises(LostView):
        consents.apply("default", {TOM: {ADS: LATE}})
    assert redis.dbsize() == 0


def test_tenants_never_meet(redis, consents):
    consents.apply("other", {TOM: {ADS: LATE}})
    assert claims_in(redis, TOM) is None
