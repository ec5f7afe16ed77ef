"""What became of e-mails, over HTTP: of a customer, also after a merge, and of a tenant's campaigns."""

import pytest

from schemas import outcomes
from tests.graph.published import built, entries, publish
from tests.serving.client import Served
from tests.serving.conftest import aio
from tests.serving.world import TOM, World

EVE = {"email": "eve@example.com", "cookie": "hers"}
SPRING, AUTUMN = ("spring", {"sent_total": 2, "opened_total": 1}), ("autumn", {"sent_total": 1})


@pytest.fixture
def told(redis, server, tmp_path):
    """Tom and Eve had e-mails, and so had somebody of another tenant."""
    world = World(redis, tmp_path / "generations")
    view, _ = built(world.facts(TOM, EVE), world.rules, world.minter)
    ids = {x.value: node.customer for x, node in view._nodes.items()}
    more = [
        (outcomes.customer_key("default", ids["tom"]), outcomes.encode([AUTUMN, SPRING])),
        (outcomes.customer_key("default", ids[EVE["email"]]), outcomes.encode([SPRING])),
        (outcomes.campaign_key("default", "spring"), outcomes.encode(SPRING)),
        (outcomes.campaign_key("default", "autumn"), outcomes.encode(AUTUMN)),
        (outcomes.campaign_key("other", "secret"), outcomes.encode(("secret", {"sent_total": 9}))),
    ]
    world.generation = publish(
        world.root, sorted(entries(view) + more), rules=world.rules_text, fingerprint=world.rules.fingerprint
    )
    world.go_live()
    with Served(world, tmp_path, aio(server)) as served:
        yield world, served, served.key(), ids


def test_of_a_customer_and_of_those_that_became_part_of_it(told):
    world, served, key, ids = told
    answer = served.ask("GET", f"/v1/customers/{ids['tom']}/outcomes", key=key).json()
    assert answer["campaigns"] == [
        {"campaign_id": "autumn", "sent_total": 1},
        {"campaign_id": "spring", "sent_total": 2, "opened_total": 1},
    ]
    world.apply({"login": "tom", "email": EVE["email"]})
    for name in ("tom", EVE["email"]):
        answer = served.ask("GET", f"/v1/customers/{ids[name]}/outcomes", key=key).json()
        assert answer["campaigns"] == [
            {"campaign_id": "autumn", "sent_total": 1},
            {"campaign_id": "spring", "sent_total": 4, "opened_total": 2},
        ]


def test_of_campaigns_of_ones_own_tenant(told):
    _, served, key, _ = told
    assert served.ask("GET", "/v1/campaigns", key=key).json() == {
        "campaigns": [
            {"campaign_id": "autumn", "sent_total": 1},
            {"campaign_id": "spring", "sent_total": 2, "opened_total": 1},
        ],
        "generation": 1,
    }


def test_who_is_nobody_has_none(told):
    _, served, key, _ = told
    assert served.ask("GET", "/v1/customers/c_nobody/outcomes", key=key).status == 404
