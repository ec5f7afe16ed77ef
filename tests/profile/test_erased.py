"""Who was erased and comes again is told nothing of before, whatever generation readers stand on."""

from hypothesis import given
from hypothesis import strategies as st

from identity import rulefile
from identity.profile import Claim, merged, profile, register
from schemas import overlay
from schemas.claims import beneath, decode_registers, encode_registers, erased, mark, profile_key
from serving_layer.view import ServingView
from tests.graph.published import built, entries, publish
from tests.speed import world
from tests.speed.kafka import FakeErasures, numbered
from tests.speed.world import ANN

RULES = rulefile.parse(
    """
identifiers: {login: {rank: 1}}
profile: {town: {}, first: {rule: oldest}, spent: {rule: sum, sources: [web]}}
"""
)
MOMENTS = st.integers(1, 30)

# Of each attribute, when it was claimed and when that was taken in: one place a moment, as the log has it.
CLAIMS = st.dictionaries(
    MOMENTS, st.tuples(st.sampled_from(["town", "first", "spent"]), MOMENTS), max_size=12
)


def registers(claims):
    """What a layer keeps of claims."""
    found = {}
    for ingested_at, (name, at) in claims.items():
        found.setdefault(name, []).append(Claim(at, f"{ingested_at}", "web", f"e{ingested_at}", ingested_at))
    return {name: register(RULES.registers[name], some) for name, some in found.items()}


def stored(known):
    return decode_registers(encode_registers(known))


@given(CLAIMS, MOMENTS, st.lists(MOMENTS, max_size=3), st.randoms())
def test_what_is_left_is_what_was_claimed_since(claims, cutoff, erasures, rng):
    """`cutoff` is the generation's. Workers take in events in any order, each with all older erasures."""
    known = max((through for through in erasures if through < cutoff), default=0)
    generation = registers({at: said for at, said in claims.items() if known < at < cutoff})
    view = {}
    for at in rng.sample(sorted(claims), len(claims)):
        for through in erasures:
            if through < at or rng.random() < 0.3:
                view = stored(erased(view, through))
        if at >= cutoff:
            new = beneath(registers({at: claims[at]}), view)
            view = stored({**mark(view), **merged(RULES, view, new)})
    for through in erasures:
        view = stored(erased(view, through))
    answer = merged(RULES, beneath(stored(generation), view), view)
    reference = registers({at: said for at, said in claims.items() if at > max(erasures, default=0)})
    assert profile(RULES, [answer]) == profile(RULES, [reference])


@given(CLAIMS, MOMENTS)
def test_what_was_taken_in_before_is_forgotten_at_once(claims, through):
    left = erased(registers(claims), through)
    assert all(claim.ingested_at >= through for some in left.values() for claim in some)
    assert profile(RULES, [merged(RULES, left)]) == profile(
        RULES, [{name: tuple(c for c in some if c.ingested_at > through) for name, some in left.items()}]
    )


def test_a_lane_masks_what_the_generation_knows(redis, tmp_path):
    """Also of who is back before the next run."""
    rules = world.RULES + "profile: {town: {}}"
    view, _ = built(world.sighting(ANN, world.A), rulefile.parse(rules), world.MINTER)
    bath = {"town": (Claim(1, "Bath", "web", "e0", 1),)}
    records = [*entries(view), (profile_key("default", ANN), encode_registers(bath))]
    generation = publish(tmp_path, sorted(records), rules=rules)
    redis.set(overlay.LIVE, 1)
    serving = ServingView(redis, tmp_path, "default")

    def told():
        (found,) = serving.lookup([ANN]).found
        return {name: value.value for name, value in serving.known(found.customer).profile.items()}

    lane, _ = world.lane_on(redis, generation, [], FakeErasures())
    lane.step(0)
    assert told() == {"town": "Bath"}
    start = 1_767_312_000_000
    heard = FakeErasures([world.erasure(ANN, at=start)])
    again = numbered([world.event(0, login="ann")], start + 1)
    lane, _ = world.lane_on(redis, generation, again, heard)
    lane.step(0)
    assert told() == {}
    york = world.event(1, login="ann").replace(b"}}", b'}, "properties": {"town": "York"}}')
    lane, _ = world.lane_on(
        redis, generation, numbered([york], start + 2, start=1), FakeErasures(heard.messages)
    )
    lane.step(0)
    assert told() == {"town": "York"}
