"""GET /v1/catalogue: what the batch counted of sources, for the tenant that asks."""

import pytest

from schemas import counted
from schemas.counted import Counted, Fed, Source

AT = 1_772_500_000_000_000
MOMENT = "2026-03-03T01:06:40+00:00"
FIGURES = {"accepted": 3, "rejected": 1, "newest": AT, "taken_in": AT}
TOLD = FIGURES | {"newest": MOMENT, "taken_in": MOMENT}

NOTHING = {"accepted": 0, "rejected": 0, "newest": None, "taken_in": None}


@pytest.fixture
def counted_world(world):
    branch = Fed(name="branch", used=["profile"], personal="none", assumed=False, **FIGURES)
    shoe = Fed(name="shoe", used=["none"], personal="personal", assumed=True)
    crm = Source(name="crm", way="records", **FIGURES, attributes=[branch, shoe])
    theirs = Source(name="till", way="records", accepted=77)
    web = Source(name="web", way="events", rejected=5)
    counted.save(
        world.generation.directory,
        [
            Counted(tenant="", at=AT, sources=[web]),
            Counted(tenant="default", at=AT, sources=[crm]),
            Counted(tenant="other", at=AT, sources=[theirs]),
        ],
    )
    return world


def asked(served, tenant="default"):
    answer = served.ask("GET", "/v1/catalogue", key=served.key("read", tenant=tenant))
    assert answer.status == 200
    return answer.json()


@pytest.mark.usefixtures("counted_world")
def test_sources_are_told_with_what_they_feed(served):
    assert asked(served) == {
        "generation": 1,
        "counted_at": MOMENT,
        "unreadable": {"web": 5},
        "sources": [
            {
                "name": "crm",
                "way": "records",
                **TOLD,
                "identifiers": [],
                "attributes": [
                    {"name": "branch", "used": ["profile"], "personal": "none", "assumed": False, **TOLD},
                    {"name": "shoe", "used": [], "personal": "personal", "assumed": True, **NOTHING},
                ],
            }
        ],
    }


@pytest.mark.usefixtures("counted_world")
def test_a_tenant_sees_its_own_sources_only(served):
    assert [each["name"] for each in asked(served, "other")["sources"]] == ["till"]
    assert asked(served, "third")["sources"] == []


def test_what_nobody_counted_is_not_known(served):
    nothing = {"generation": 1, "counted_at": None, "sources": [], "unreadable": {}}
    assert asked(served) == nothing
