"""serve(batch(prefix), speed(suffix)) = the reference, for what customers permit."""

from itertools import count
from shutil import rmtree

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from identity import Observer, resolve
from identity.consent import claim
from identity.reference import permits
from schemas import overlay
from serving_layer.permissions import check, check_customers
from serving_layer.statements import history
from serving_layer.view import ServingView
from speed_layer.consents import Consents
from tests.graph.published import built, entries, publish
from tests.graph.stream import Stream
from tests.identity.strategies import MINTER, facts_of, logs, numbered, permissions, rule_sets, words

directories = count()


def claims_of(said):
    claims = {}
    for x, about, statement in said:
        claim(claims.setdefault(x, {}), about, statement)
    return claims


def delivered(said, random, batches):
    """Every word at least once, in any order, in batches."""
    sent = said + random.choices(said, k=len(said) // 3) if said else []
    random.shuffle(sent)
    return [claims_of(sent[i::batches]) for i in range(batches)]


@given(
    rule_sets(),
    logs,
    logs,
    st.lists(words, max_size=12),
    st.lists(words, max_size=12),
    permissions,
    st.integers(0, 10),
    st.integers(1, 4),
    st.randoms(use_true_random=False),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_permitted_is_what_the_reference_says(
    redis, tmp_path, rules, prefix, suffix, before, since, asked, at, batches, random
):
    redis.flushall()
    log = numbered(prefix + suffix)
    known = facts_of(log[: len(prefix)])
    for x, _, statement in before:
        known.add_sighting([x], statement.at, 0)
    graph, handed_on = built(known, rules, MINTER)
    root = tmp_path / str(next(directories))
    generation = publish(root, entries(graph, said=before))
    stream = Stream(redis, generation, rules, MINTER)
    consents = Consents(redis, generation, stream.state)
    whole = facts_of(log)
    whole.update(known)
    for i, claims in enumerate(delivered(since, random, batches)):
        consents.apply("default", claims)
        facts = facts_of(log[len(prefix) :][i::batches])
        for x in claims:
            facts.add_sighting([x], 1, 99)
        stream.apply(facts)
        whole.update(facts)
    redis.set(overlay.LIVE, 1)
    customers = resolve(whole, rules, minter=MINTER, published=handed_on).customers

    view = ServingView(redis, root, "default")
    # Ages in a rule file are longer.
    view.generations._rules = {generation.manifest.fingerprint: (rules, Observer(rules))}
    said = before + since
    owner = {member: customer for customer in customers for member in customer.members}
    seen = list(whole.seen)
    found = view.ask(check(view.generations.current, "default", [tuple(x) for x in seen], asked, at)).found
    for x, one in zip(seen, found, strict=True):
        if x not in owner:
            assert one == (None, "unknown", "no_customer", None)
            continue
        expected = permits(said, owner[x].members, asked, at)
        event(expected.reason)
        assert one == (owner[x].id, *expected)
    ids = [customer.id for customer in customers]
    by_id = view.ask(check_customers("default", ids, asked, at)).found
    for customer, one in zip(customers, by_id, strict=True):
        assert one == (customer.id, *permits(said, customer.members, asked, at))
        told = view.ask(history(view.generations.current, "default", customer.id)).said
        assert {word for _, word in told} <= {word[1:] for word in said if word[0] in customer.members}
        assert {x for x, _ in told} == {word[0] for word in said} & {*customer.members}
    del generation, stream, consents, view
    rmtree(root)
