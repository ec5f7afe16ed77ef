"""Profiles over HTTP: told with their source, updated by customers themselves, checked by the rules."""

import pytest

from identity import Identifier
from identity.profile import Claim
from schemas import WebEvent, overlay
from schemas.claims import UPDATE, claimed
from speed_layer.profiles import Profiles
from tests.serving.world import TOM

PATH = "/v1/profiles/update"


def update(login="tom", **attributes):
    return {"identifier": {"type": "login", "value": login}, "attributes": attributes}


def claim(world, type_, value, **told):
    """The stream hears claims of an identifier."""
    profiles = Profiles(world.redis, world.generation.number, world.stream.state, world.rules)
    profiles.write("default", {Identifier(type_, value): {name: [claim] for name, claim in told.items()}})


def customer(served, key, login="tom"):
    (found,) = served.lookup(("login", login), key=key).json()["results"]
    return served.ask("GET", f"/v1/customers/{found['customer_id']}", key=key).json()


def test_each_value_says_where_it_came_from(world, served, key):
    claim(world, "login", "tom", town=Claim(1_000_000, "Bath", "web", "e1", 5))
    claim(world, "email", TOM["email"], town=Claim(2_000_000, "York", "crm", "r1", 5))
    claim(world, "email", TOM["email"], spent=Claim(3_000_000, "2.5", "billing", "r2", 5))
    claim(world, "login", "tom", spent=Claim(1_000_000, "3", "billing", "r3", 5))
    claim(world, "login", "tom", news=Claim(1_000_000, "true", "crm", "r1", 5))
    claim(world, "login", "ann", town=Claim(4_000_000, "Leeds", "web", "e4", 5))
    assert customer(served, key)["profile"] == {
        "town": {"value": "York", "source": "crm", "at": "1970-01-01T00:00:02+00:00"},
        "spent": {"value": 5.5, "source": "billing", "at": "1970-01-01T00:00:03+00:00"},
        "news": {"value": True, "source": "crm", "at": "1970-01-01T00:00:01+00:00"},
    }


def test_profiles_merge_when_customers_do(world, served, key):
    claim(world, "login", "tom", town=Claim(1, "Bath", "web", "e1", 5))
    world.apply({"cookie": "new"})
    claim(world, "cookie", "new", town=Claim(2, "Rome", "web", "e2", 5))
    assert customer(served, key)["profile"]["town"]["value"] == "Bath"
    world.apply({**TOM, "cookie": "new"})
    assert customer(served, key)["profile"]["town"]["value"] == "Rome"


def test_without_redis_the_generation_answers(world, served, key):
    claim(world, "login", "tom", town=Claim(1, "Bath", "web", "e1", 5))
    id_ = customer(served, key)["customer_id"]
    world.redis.delete(overlay.LIVE)
    assert served.ask("GET", f"/v1/customers/{id_}", key=key).json()["profile"] == {}


def test_an_update_is_an_event_of_the_log(world, served, key):
    answer = served.ask("POST", PATH, update(town=" Bath ", news=False), key=key)
    assert answer.status == 202
    (event,) = served.sent
    assert answer.json() == {"event_id": event.event_id, "offset": {"customer.decisions:0": 0}}
    assert isinstance(event, WebEvent)
    assert (event.kind, event.tenant, event.identifiers) == (UPDATE, "default", {"login": ["tom"]})
    owner, told = claimed(event, [Identifier("login", "tom")], world.rules, 7)
    assert owner == Identifier("login", "tom")
    assert {(name, claim.value, claim.source) for name, claim, _ in told} == {
        ("town", "Bath", "self_service"),
        ("news", "false", "self_service"),
    }


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (update(town=""), "town: says nothing"),
        (update(news="perhaps"), "news: is neither true nor false"),
        (update(spent=1), "1 of the attributes cannot be updated; these can: town, news"),
        (update(secret_thing="x"), "1 of the attributes cannot be updated"),
        (update(), "Expected `object` of length >= 1"),
        (update(login="test", town="Bath"), "a login that links nobody"),
        ({"identifier": {"type": "shoe", "value": "42"}, "attributes": {"town": "x"}}, "shoe"),
    ],
)
def test_what_the_rules_do_not_take_is_refused_whole(served, key, body, says):
    answer = served.ask("POST", PATH, body, key=key)
    assert answer.status == 400
    assert says in answer.json()["error"]
    assert "perhaps" not in answer.text
    assert "secret_thing" not in answer.text
    assert served.sent == []
