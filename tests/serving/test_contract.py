"""serve(batch(prefix), speed(suffix)) = the reference: lookups, ids and the export."""

from itertools import count
from shutil import rmtree

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from identity import Observer, resolve
from schemas import overlay
from serving_layer.view import ServingView
from tests.graph.published import built, entries, publish
from tests.graph.stream import Stream
from tests.identity.strategies import MINTER, facts_of, logs, numbered, rule_sets

directories = count()


def resolution(log, rules, as_of, handed_on):
    return resolve(facts_of(log), rules, minter=MINTER, as_of=as_of, published=handed_on)


def kind(reason):
    """A reason without the type that it names: of several that are too many, any one may be named."""
    return reason and reason.partition(" of ")[0]


@given(rule_sets(), logs, logs, st.sampled_from([None, 10, 25]), st.integers(1, 6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_served_is_what_resolving_everything_gives(
    redis, tmp_path, rules, prefix, suffix, as_of, batches
):
    redis.flushall()
    log = numbered(prefix + suffix)
    facts = facts_of(log[: len(prefix)])
    graph, handed_on = built(facts, rules, MINTER, as_of)
    root = tmp_path / str(next(directories))
    generation = publish(root, entries(graph), as_of=as_of)
    stream = Stream(redis, generation, rules, MINTER, as_of)
    for i in range(batches):
        stream.apply(facts_of(log[len(prefix) :][i::batches]))
    redis.set(overlay.LIVE, 1)
    expected = resolution(log, rules, as_of, handed_on)

    view = ServingView(redis, root, "default")
    # Ages in a rule file are longer.
    view.generations._rules = {generation.manifest.fingerprint: (rules, Observer(rules))}
    assert sorted(view.customers()) == expected.customers

    owner = {member: customer for customer in expected.customers for member in customer.members}
    seen = list(facts_of(log).seen)
    for x, found in zip(seen, view.lookup([tuple(x) for x in seen]).found, strict=True):
        assert (found.identifier, found.customer) == (x, owner.get(x))
        assert kind(found.reason) == kind(expected.quarantined.get(x))

    meant = {id_: c for c in expected.customers for id_ in (c.id, *c.aliases)}
    for id_ in {*meant, *handed_on.ids}:
        assert view.customer(id_)[0] == meant.get(id_)
    del generation, view, stream
    rmtree(root)
