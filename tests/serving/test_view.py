"""Lookups: the overlay wins, the generation answers for the rest."""

import pytest

from identity import Identifier, UnknownTypeError, Verdict
from serving_layer.view import Found, Freshness, ServingView
from tests.serving.world import ANN, TOM, World, identifiers


def ask(view, *questions):
    return [found.customer for found in view.lookup(questions).found]


def test_the_generation_answers(view):
    tom, ann, same = ask(view, ("login", "tom"), ("login", "ann"), ("email", " Tom@Example.COM "))
    assert set(tom.members) == identifiers(TOM)
    assert set(ann.members) == identifiers(ANN)
    assert same == tom


def test_answers_stand_in_the_order_of_the_questions_also_when_asked_twice(view):
    answer = view.lookup([("login", "ann"), ("login", "nobody"), ("login", "tom"), ("login", "ann")])
    assert [found.identifier.value for found in answer.found] == ["ann", "nobody", "tom", "ann"]
    first, nobody, second, again = (found.customer for found in answer.found)
    assert nobody is None
    assert first == again != second


def test_what_nobody_has_seen_is_unknown_and_without_a_reason(view):
    (found,) = view.lookup([("email", "stranger@example.com")]).found
    assert found == Found(Identifier("email", "stranger@example.com"), None, certainty=None)


def test_the_overlay_wins(world, view):
    (before,) = ask(view, ("login", "tom"))
    world.apply({**TOM, "cookie": "new"})
    after, by_cookie = ask(view, ("login", "tom"), ("cookie", "new"))
    assert after == by_cookie
    assert after.id == before.id
    assert set(after.members) == identifiers(TOM) | {Identifier("cookie", "new")}


def test_a_customer_of_the_stream_alone(world, view):
    world.apply({"cookie": "only"})
    (customer,) = ask(view, ("cookie", "only"))
    assert customer.members == (Identifier("cookie", "only"),)
    assert view.customer(customer.id)[0] == customer


def merge(world, view):
    """Two customers of the generation become one in the stream; returns them as they were, and the one."""
    world.publish({"email": "x@example.com"}, {"cookie": "y"}, number=2)
    world.go_live()
    before = ask(view, ("email", "x@example.com"), ("cookie", "y"))
    world.apply({"email": "x@example.com", "cookie": "y"})
    one, same = ask(view, ("email", "x@example.com"), ("cookie", "y"))
    assert one == same
    return before, one


def test_merged_across_generation_and_stream(world, view):
    before, one = merge(world, view)
    assert before[0].id != before[1].id
    assert one.id == before[0].id
    assert one.aliases == (before[1].id,)


def test_split_across_generation_and_stream(world, view):
    (before,) = ask(view, ("login", "tom"))
    world.decide(("login", "tom"), ("email", "tom@example.com"), Verdict.CANNOT)
    login, email = ask(view, ("login", "tom"), ("email", "tom@example.com"))
    assert login.id == before.id
    assert email.id != before.id
    assert (login.members, email.members) == (before.members[1:], before.members[:1])
    assert view.customer(email.id)[0] == email


def test_an_undone_merge_brings_both_ids_back(world, view):
    before, _ = merge(world, view)
    world.decide(("email", "x@example.com"), ("cookie", "y"), Verdict.CANNOT)
    assert ask(view, ("email", "x@example.com"), ("cookie", "y")) == before


@pytest.mark.parametrize("which", [0, 1])
def test_a_customer_by_its_id_and_by_one_from_before_a_merge(world, view, which):
    before, one = merge(world, view)
    customer, freshness = view.customer(before[which].id)
    assert customer == one
    assert freshness.generation == 2


def test_an_id_that_no_generation_published_means_its_customer_after_a_handover_too(world, view):
    world.apply({"email": "x@example.com"})
    (before,) = ask(view, ("email", "x@example.com"))
    world.publish(TOM, {"cookie": "first", "email": "x@example.com"}, number=2)
    world.go_live()
    customer, freshness = view.customer(before.id)
    assert freshness.generation == 2
    assert customer == ask(view, ("cookie", "first"))[0]
    assert before.id not in (customer.id, *customer.aliases)


def test_an_id_that_nobody_has(view):
    assert view.customer("c_nobody")[0] is None


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        (("login", " TEST "), "blocked: by the rule for login"),
        (("login", "null"), "blocked: stands for no value"),
        (("email", "nonsense"), "invalid: not an e-mail address"),
        (("cookie", "kiosk"), "hot: linked to more than 3 values of email"),
    ],
)
def test_what_can_link_nobody_comes_with_the_reason(view, question, reason):
    asked = [question, ("login", "tom")]
    found, other = view.lookup(asked).found
    assert (found.customer, found.reason) == (None, reason)
    assert other.customer is not None


def test_what_turns_hot_in_the_stream_comes_with_the_reason(world, view):
    world.apply(*[{"cookie": "hall", "email": f"v{i}@example.com"} for i in range(3)])
    assert len(ask(view, ("cookie", "hall"))[0].members) == 4
    world.apply({"cookie": "hall", "email": "v3@example.com"})
    hall, *visitors = view.lookup(
        [("cookie", "hall"), ("email", "v0@example.com"), ("email", "v3@example.com")]
    ).found
    assert hall.reason == "hot: linked to more than 3 values of email"
    assert [len(visitor.customer.members) for visitor in visitors] == [1, 1]


def test_a_type_that_no_rule_names(view):
    with pytest.raises(UnknownTypeError, match="identifier type 'card'") as caught:
        view.lookup([("login", "tom"), ("card", "4111")])
    assert "4111" not in str(caught.value)
    assert "tom" not in str(caught.value)


def test_an_answer_says_what_it_rests_on(world, view):
    assert view.freshness() == Freshness(1, None, stale=False)
    world.stream.state.advance({b"web.events:0": 3}, 1_700_000_000_000_000)
    expected = Freshness(1, 1_700_000_000_000_000, stale=False, offsets=(("web.events:0", 3),))
    assert view.freshness() == view.lookup([("login", "tom")]).freshness == expected


def test_tenants_never_meet(world, view):
    other = World(world.redis, world.root, tenant="defaul")
    other.publish({"login": "tom", "email": "other@example.com"}, number=2)
    other.go_live()
    other.apply({"login": "tom", "cookie": "theirs"})
    assert ask(view, ("login", "tom"), ("cookie", "theirs")) == [None, None]
    assert list(view.customers()) == []
    theirs = ServingView(world.redis, world.root, "defaul")
    assert len(ask(theirs, ("login", "tom"))[0].members) == 3
