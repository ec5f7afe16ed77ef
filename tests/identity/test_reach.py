"""Near and far: what a crowded node's record holds, and what it may forget."""

from random import Random

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from identity import Identifier, Verdict, graph, reach, resolve, rulefile
from identity.facts import PAST
from identity.memory import MemoryView
from identity.screen import counting
from identity.staleness import may_keep
from tests.identity.strategies import MINTER, OUTCOMES, TYPES, WORDS, Event, facts_of, numbered, rule_sets
from tests.identity.test_upkeep import apply_in_batches

HUBS = [Identifier(type_, value) for type_ in TYPES for value in "ab"]
GUESTS = [Identifier(type_, value) for type_ in TYPES for value in "cdefghij"]
LOGIN, COOKIE = ("login", "cookie"), ("cookie", "login")
as_ofs = st.sampled_from([None, 10, 25])


@st.composite
def crowds(draw):
    """Few hubs and many who meet them, so that most of a hub's links are far; long, as no list draws it."""
    random = Random(draw(st.integers(0, 2**32)))
    hubs = random.sample(HUBS, random.randint(1, 4))
    log = []
    for _ in range(random.randint(20, 100)):
        hub, *others = random.sample(hubs, 1) + random.sample(GUESTS, random.choice([1, 1, 1, 2]))
        decided = random.choice(list(Verdict)) if random.random() < 0.1 and len(others) == 1 else None
        told = random.choice(OUTCOMES + WORDS) if random.random() < 0.2 and decided is None else None
        log.append(Event((hub, *others), random.randint(0, 20), decided, told))
    return log


@pytest.fixture(scope="module", params=[0, 1], autouse=True)
def spare(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reach, "SPARE", request.param)
        patch.setattr(graph, "LARGE", max(request.param, 1))
        yield request.param


@given(rule_sets(), crowds(), as_ofs, st.randoms(use_true_random=False), st.integers(1, 20))
def test_a_crowd_comes_to_the_same(rules, log, as_of, random, batches):
    entries = numbered(log)
    view = MemoryView(rules, MINTER, as_of)
    apply_in_batches(view, entries, random, batches)
    facts = facts_of(entries)
    assert view.all_customers == resolve(facts, rules, minter=MINTER, as_of=as_of).customers
    event(f"far links: {sum(map(len, view._far.values())) // 10 * 10}")


@given(rule_sets(), crowds(), as_ofs, st.randoms(use_true_random=False), st.integers(1, 20))
def test_nodes_hold_what_they_must_and_little_more(spare, rules, log, as_of, random, batches):
    entries = numbered(log)
    view = MemoryView(rules, MINTER, as_of)
    apply_in_batches(view, entries, random, batches)
    facts = facts_of(entries)
    links = {}
    for (a, b), link in facts.links.items():
        links.setdefault(a, {})[b] = links.setdefault(b, {})[a] = link
    for x, node in view._nodes.items():
        far = view._far.get(x, {})
        known = {z: edge.link for z, edge in (*node.edges.items(), *far.items())}
        assert len(known) == len(node.edges) + len(far)
        assert known == links.get(x, {})
        for z, edge in far.items():
            (other,) = [known.get(x) for known in (view._nodes[z].edges, view._far.get(z, {})) if x in known]
            assert edge.theirs == other.mine
        assert not any(edge.mine or edge.link.decided_at != PAST for edge in far.values())
        counts = counting(x, {z: edge.link for z, edge in far.items()}, rules, as_of)
        for type_ in TYPES:
            behind = [z for z in far if z.type == type_]
            told = node.far.get(type_, reach.Far(0, 0, 0))
            counted = [z for z in behind if z in counts]
            assert told.links == len(behind)
            assert told.counting == len(counted)
            waiting = [z for z in counted if not far[z].out and may_keep(far[z].link, node.stale)]
            assert told.candidates == len(waiting)
            near = [z for z, e in node.edges.items() if z.type == type_ and e.link.decided_at == PAST]
            keep = 0 if node.shut else rules.between(x.type, type_).keep
            assert len(near) <= keep + spare
        assert {type_ for type_, told in node.far.items() if told.links} == {z.type for z in far}


class Watched(MemoryView):
    """Counts what it is asked for."""

    asked = asked_for_all = 0

    def far(self, pairs):
        pairs = list(pairs)
        self.asked += len(pairs)
        return super().far(pairs)

    def all_far(self, identifier):
        self.asked_for_all += 1
        return super().all_far(identifier)


@pytest.mark.parametrize(
    ("rules", "hub", "guest"),  # of which the hub keeps 5 at most
    [
        ("{login: {rank: 1, unique: true}, cookie: {rank: 2, max: 5}}", *LOGIN),
        (
            "{login: {rank: 1, unique: true}, cookie: {rank: 2, max: 5, when_shared: oldest}}",
            "login",
            "cookie",
        ),
        ("{login: {rank: 1, unique: true}, cookie: {rank: 2}}", *COOKIE),
        ("{login: {rank: 1, unique: true}, cookie: {rank: 2, hot: 20}}", *COOKIE),
        ("{login: {rank: 1, unique: true}, cookie: {rank: 2, when_shared: nobody}}", *COOKIE),
    ],
)
def test_work_for_an_event_does_not_grow_with_the_crowd(rules, hub, guest):
    rules = rulefile.parse(f"identifiers: {rules}", source="test")
    view = Watched(rules, MINTER)
    random = Random(7)
    entries = [
        (
            Event(
                (Identifier(hub, "h"), Identifier(guest, str(random.randrange(400)))), random.randrange(500)
            ),
            i,
        )
        for i in range(1_000)
    ]
    for entry in entries:
        before = view.asked
        updates = view.apply(facts_of([entry]))
        assert view.asked - before <= 4
        # At most as many as a limit of the rules, and once: so many must be told of a hot one.
        assert sum(len(update.nodes) for update in updates) <= 30
        assert len(view._nodes[Identifier(hub, "h")].edges) <= 5 + reach.SPARE
    assert view.asked_for_all <= 1
    assert len(view._far[Identifier(hub, "h")]) > 100
    assert view.all_customers == resolve(facts_of(entries), rules, minter=MINTER).customers
