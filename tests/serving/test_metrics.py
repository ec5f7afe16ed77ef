"""Metrics that are added up together are those that are added one by one."""

from hypothesis import given
from hypothesis import strategies as st

from serving_layer.metrics import _SECONDS, Metrics
from serving_layer.web import lookups


def samples(metrics):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in metrics.families()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


@given(st.lists(st.one_of(st.sampled_from(_SECONDS), st.floats(0, 9)), min_size=1))
def test_many_answers_count_as_one_after_the_other(seconds):
    together, apart = Metrics(), Metrics()
    together.all_answered("POST /v1/lookup", 200, seconds)
    for one in seconds:
        apart.answered("POST /v1/lookup", 200, one)
    found, expected = samples(together), samples(apart)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert abs(found[name] - value) < 1e-6


def test_lookups_count_for_their_route(served):
    assert lookups.ROUTE in {route.name for route in served.application.table.routes}
