"""What the stream says of identifiers, as parity hears it: on top of what its generation says."""

import pytest

from deploy.hearing import heard
from identity import Identifier
from identity.profile import Claim
from schemas import records
from schemas.claims import decode_registers, profile_key
from speed_layer.profiles import Profiles
from tests.serving.world import ANN, TOM, World


@pytest.fixture
def world(redis, tmp_path):
    world = World(redis, tmp_path / "generations")
    world.state(("login", "tom"), live=False)
    world.publish(TOM, ANN)
    world.go_live()
    return world


def claim(world, login, value):
    profiles = Profiles(world.redis, world.generation.number, world.stream.state, world.rules)
    profiles.write("default", {Identifier("login", login): {"town": [Claim(1, value, "web", "e1", 5)]}})


def all_heard(world):
    return {key: words for key, *words in heard(world.redis, world.generation)}


def test_what_is_heard_stands_on_what_was_known(world):
    assert all_heard(world) == {}
    claim(world, "ann", "Bath")
    world.state(("login", "tom"), "ads", withdrawn=True)
    world.state(("login", "tom"), "news")
    found = all_heard(world)
    register, below = found.pop(profile_key("default", Identifier("login", "ann")))
    assert [one.value for one in decode_registers(register)["town"]] == ["Bath"]
    assert below is None
    ((stream, beneath),) = found.values()
    assert [about.purpose for about, _ in records.decode_claims(stream)] == ["ads", "news"]
    assert [(about.purpose, said.withdrawn) for about, said in records.decode_claims(beneath)] == [
        ("ads", False)
    ]


def test_of_who_is_gone_nothing_is_told(world):
    claim(world, "ann", "Bath")
    world.apply({"login": "ann", "cookie": "1"})
    assert len(all_heard(world)) == 1
    world.stream._applier.erase({Identifier("login", "ann"): 1 << 60}, world.minter)
    assert all_heard(world) == {}
