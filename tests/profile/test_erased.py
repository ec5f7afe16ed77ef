"""Who was erased and comes again is told nothing of before, whatever generation readers stand on."""

from hypothesis import given
from hypothesis import strategies as st

from identity import rulefile
from identity.profile import Claim, merged, profile, register
from schemas.claims import beneath, decode_registers, encode_registers, erased, mark

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
