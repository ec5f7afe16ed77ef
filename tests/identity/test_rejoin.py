"""Joining again what changed: the same as joining everything, and no more than that looked at."""

from random import Random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from identity import Facts, Identifier, Rules, TypeRule, Verdict, rejoin, resolve, rulefile
from identity.join import refusal
from identity.memory import MemoryView
from tests.identity.strategies import MINTER, Event, facts_of

NAMES = ("login", "mail", "device", "cookie")


@st.composite
def worlds(draw):
    """Rules and a log of some dozens of identifiers, so that regions have much around them."""
    random = Random(draw(st.integers(0, 2**32)))
    limits = (1, random.choice([1, 2, 3]), random.choice([2, 4]), random.choice([2, 5, 50]))
    rules = Rules(
        {
            name: TypeRule(
                name,
                rank=rank,
                max=limits[rank - 1],
                when_shared=random.choice(["newest", "newest", "newest", "oldest", "nobody"]),
                hot=random.choice([None, None, 4, 8]),
                max_age=random.choice([None, None, 40]),
            )
            for rank, name in enumerate(NAMES, 1)
        }
    )
    each, often = random.choice([8, 15, 30]), random.choice([0.05, 0.3])
    identifiers = [Identifier(name, str(i)) for name in NAMES for i in range(each)]
    log = []
    for i in range(random.choice([60, 120, 240])):
        met = tuple(random.sample(identifiers, random.choice([1, 2, 2, 2, 3])))
        decided = random.choice(list(Verdict)) if random.random() < often and len(met) == 2 else None
        log.append((Event(met, random.randint(0, 100), decided), i // 2))
    return rules, log


@given(worlds(), st.sampled_from([None, 100]), st.sampled_from([1, 3, 10]), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_a_larger_world_comes_to_the_same(world, as_of, batch, random):
    rules, log = world
    view = Watched(rules, MINTER, as_of)
    sent = log + random.choices(log, k=len(log) // 5)
    if random.random() < 0.5:
        random.shuffle(sent)
    for start in range(0, len(sent), batch):
        view.apply(facts_of(sent[start : start + batch]))
    facts = facts_of(log)
    assert view.all_customers == resolve(facts, rules, minter=MINTER, as_of=as_of).customers
    event(f"nodes read for one identifier of the log: {view.read // len(facts.seen) // 10 * 10}")


class Watched(MemoryView):
    """Counts the nodes that it is asked for."""

    read = 0

    def nodes(self, identifiers):
        found = super().nodes(identifiers)
        self.read += len(found)
        return found


def world_of(rules, *sightings):
    view = Watched(rulefile.parse(f"identifiers: {rules}", source="test"), MINTER)
    facts = Facts()
    for at, (a, b) in enumerate(sightings):
        facts.add_sighting([Identifier(*a), Identifier(*b)], at, at)
    view.apply(facts)
    view.read = 0
    return view, facts


def met(view, facts, a, b, at):
    new = Facts()
    new.add_sighting([Identifier(*a), Identifier(*b)], at, 1_000)
    view.apply(new)
    facts.update(new)
    assert view.all_customers == resolve(facts, view._rules, minter=MINTER).customers


KIOSK = ("device", "kiosk")


def test_a_device_that_goes_from_hand_to_hand_asks_for_those_two():
    rules = "{login: {rank: 1, unique: true}, device: {rank: 2, max: 50}, cookie: {rank: 3, max: 50}}"
    people = [(("login", f"{i:02}"), ("cookie", f"{i:02}")) for i in range(40)]
    view, facts = world_of(rules, *[(KIOSK, cookie) for _, cookie in people], *people)
    met(view, facts, KIOSK, ("cookie", "05"), at=500)
    (owner,) = [c for c in view.all_customers if Identifier(*KIOSK) in c.members]
    assert Identifier("login", "05") in owner.members
    assert view.read <= 10


def test_who_is_full_asks_nobody_whom_he_has_no_room_for():
    rules = "{login: {rank: 1, unique: true}, mail: {rank: 2, max: 3}, cookie: {rank: 3}, device: {rank: 4}}"
    # Each device keeps its three last addresses, and is the customer's whom it met last.
    rich, other, full = (("login", name) for name in ("rich", "other", "full"))
    sightings = [
        *((rich, ("cookie", f"r{i}")) for i in range(3)),
        *((other, ("cookie", f"o{i}")) for i in range(9)),
        *((full, mail(i)) for i in (2, 3, 4)),
        (rich, mail(0)),
        (other, mail(1)),
        (KIOSK, mail(1)),
        (KIOSK, mail(0)),
    ]
    view, facts = world_of(rules, *sightings)
    met(view, facts, KIOSK, mail(2), at=500)
    assert view.read <= 10


def test_who_surely_comes_with_another_is_refused_without_asking_his_customer():
    rules = "{login: {rank: 1, unique: true}, mail: {rank: 2}, device: {rank: 3}, cookie: {rank: 4, max: 90}}"
    owner, others = ("login", "owner"), range(30)
    sightings = [
        *((owner, mail(i)) for i in range(3)),
        *((KIOSK, ("cookie", f"{i:02}")) for i in others),
        (KIOSK, owner),
        *((("login", f"{i:02}"), ("cookie", f"{i:02}")) for i in others),
        *((("login", f"{i:02}"), ("cookie", f"{i:02}-{j}")) for i in others for j in range(9)),
    ]
    view, facts = world_of(rules, *sightings)
    # The new owner brings less against the others than the old one did; but each cookie has a login by then.
    met(view, facts, KIOSK, ("login", "new"), at=5_000)
    assert view.read <= 50


def test_what_keeps_two_customers_apart_can_be_told():
    rules = rulefile.parse("identifiers: {login: {rank: 1, unique: true}, cookie: {rank: 2}}", source="test")
    tom, ann = ([Identifier("login", name), Identifier("cookie", name)] for name in ("tom", "ann"))
    assert refusal(tom, ann, [], rules) == "max: one customer would have more than 1 login"
    assert refusal(tom, ann[1:], [], rules) is None
    assert refusal(tom[1:], ann, [(ann[0], tom[1])], rules).startswith("decided: a steward keeps")


CHAINED = "{mail: {rank: 1, max: 2}, cookie: {rank: 2, max: 2}}"


def chain(length):
    return [pair for i in range(length) for pair in [(mail(i), cookie(i)), (cookie(i), mail(i + 1))]]


def mail(i):
    return ("mail", f"{i:03}")


def cookie(i):
    return ("cookie", f"{i:03}")


def test_what_comes_last_in_the_order_asks_for_its_customers_only():
    view, facts = world_of(CHAINED, *chain(200))
    met(view, facts, mail(100), cookie(999), at=-1)
    assert view.read <= 20


@pytest.mark.parametrize("patience", [0, rejoin._PATIENCE])
def test_what_moves_every_limit_by_one_asks_for_all_in_a_few_turns(patience, monkeypatch):
    turns = []
    monkeypatch.setattr(rejoin, "_PATIENCE", patience)
    monkeypatch.setattr(rejoin.Rejoin, "_join", counted(rejoin.Rejoin._join, turns))
    view, facts = world_of(CHAINED, *chain(200))
    turns.clear()
    # The newest customer is full: one more with it, and each gives one to the next.
    met(view, facts, mail(200), cookie(999), at=900)
    met(view, facts, mail(200), cookie(998), at=901)
    assert view.read > 400
    assert len(turns) <= 30


def counted(method, calls):
    def call(self, *arguments):
        calls.append(arguments)
        return method(self, *arguments)

    return call
