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
    assert len(parts) == max(-(-len(facts.seen) // most), 1)
    links = [item for part in parts for item in part.links.items()]
    assert (len(links), dict(links)) == (len(facts.links), facts.links)
    tied = [{x for ends in part.links for x in ends} for part in parts]
    met = [x for some in [*tied, *(part.alone for part in parts)] for x in some]
    assert (len(met), set(met)) == (len(facts.seen), set(facts.seen))
    assert all(len(part.alone) <= most and part.facts == facts for part in parts)
