"""Facts in parts that can be settled one after the other."""

from hypothesis import given
from hypothesis import strategies as st

from identity import Facts
from speed_layer.grouping import sliced
from tests.identity.strategies import facts_of, numbered
from tests.speed.test_growth import any_logs


@given(any_logs, st.integers(1, 6))
def test_parts_say_what_the_whole_says_and_nobody_is_tied_to_another_part(log, most):
    facts = facts_of(numbered(log))
    facts = Facts(facts.seen, facts.links, signs=facts.signs)
    parts = sliced(facts, most)
    whole = Facts()
    for part in parts:
        assert part.seen.keys() >= {x for ends in part.links for x in ends} | part.signs.keys()
        whole.update(part)
    assert whole == facts
    assert sum(len(part.seen) for part in parts) == len(facts.seen)
    assert len(parts) == max(-(-len(facts.seen) // most), 1)
    tied = {x for ends in facts.links for x in ends}
    assert all(len(part.seen.keys() - tied) <= most for part in parts)
