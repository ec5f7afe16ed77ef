"""The benchmark at a tiny size: what it prints, and that it measures what it says. Never how fast."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers import union_find
from benchmarks.shapes import facts_of, hub, path, people
from deploy.cli import main
from identity import Identifier, pair
from identity.resolve import components

FIGURES = {
    *("resolve_links", "resolve_seconds", "resolve_links_per_second", "resolve_tenth_seconds"),
    *("union_find_seconds", "union_find_tenth_seconds"),
    *("path_identifiers", "path_seconds", "path_tenth_seconds"),
    *("hub_identifiers", "hub_seconds", "hub_tenth_seconds"),
    *("upkeep_events", "upkeep_batch_events", "upkeep_seconds", "upkeep_batch_seconds"),
    *("upkeep_events_per_second", "upkeep_anew_seconds"),
    *("observe_events", "observe_seconds", "observe_events_per_second"),
}
RATIOS = {
    *("resolve_growth", "union_find_growth", "resolve_over_union_find", "path_growth", "hub_growth"),
    *("upkeep_over_anew", "upkeep_batch_over_anew", "upkeep_last_over_median_batch"),
}
TINY = ["bench", "identity", "--scale", "0.001", "--repeat", "1"]


def adjacency(links):
    result = {}
    for a, b in links:
        result.setdefault(a, {})[b] = result.setdefault(b, {})[a] = None
    return result


def test_json_has_the_documented_shape(capsys):
    assert main([*TINY, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["figures", "ratios"]
    assert set(found["figures"]) == FIGURES
    assert set(found["ratios"]) == RATIOS
    assert all(value > 0 for part in found.values() for value in part.values())
    assert found["figures"]["resolve_links"] == 1000
    assert found["figures"]["hub_identifiers"] == 100


def test_the_table_names_everything(capsys):
    assert main(TINY) == 0
    told = capsys.readouterr()
    assert {line.split()[0] for line in told.out.splitlines()} == FIGURES | RATIOS | {"figures", "ratios"}
    assert "people: 1,000 links" in told.err


@pytest.mark.parametrize("wrong", [["--scale", "0"], ["--scale", "2"], ["--scale", "x"], ["--repeat", "0"]])
def test_what_cannot_be_measured_is_refused(wrong):
    with pytest.raises(SystemExit) as caught:
        main(["bench", "identity", *wrong])
    assert caught.value.code == 2


@pytest.mark.parametrize("shape", [people, path, hub])
def test_shapes_are_the_same_each_time(shape):
    assert shape(500) == shape(500)
    assert len({pair(s.a, s.b) for s in shape(500)}) == len(shape(500))


def test_shapes_have_the_size_and_form_that_they_claim():
    assert len(facts_of(people(1000)).links) == 1000
    for shape in (path, hub):
        facts = facts_of(shape(300))
        (whole,) = components(adjacency(facts.links))
        assert len(whole) == len(facts.seen) == 300
    parts = [len(part) for part in components(adjacency(facts_of(people(6000)).links))]
    assert len(parts) > 900
    assert max(parts) < 50


identifiers = st.builds(Identifier, st.sampled_from("ab"), st.sampled_from("123456"))


@given(st.lists(st.tuples(identifiers, identifiers)))
def test_the_peer_groups_right(links):
    assert union_find(links) == len(list(components(adjacency(links))))
