"""What may be done with whom: by identifiers and ids, through merges and splits, at once and over HTTP."""

import time

import pytest

from identity import Verdict
from identity.consent import Permission
from schemas import overlay
from serving_layer.permissions import check, check_customers
from serving_layer.view import ServingView
from tests.serving.world import ANN, RULES, TOM, World

LOGIN, MAIL = ("login", "tom"), ("email", "tom@example.com")
ADS = Permission("ads")
X = {"type": "login", "value": "x"}
DAY = 86_400_000_000


def permitted(view, *asked, about=ADS, at=1_000):
    question = check(view.generations.current, "default", asked, about, at)
    return [(one.status, one.reason) for one in view.ask(question).found]


def of_ids(view, *ids, at=1_000):
    return [(one.status, one.reason) for one in view.ask(check_customers("default", ids, ADS, at)).found]


def id_of(view, x):
    return view.lookup([x]).found[0].customer.id


def test_nobody_permits_what_was_never_said(view):
    assert permitted(view, LOGIN, ("login", "nobody"), ("login", "test"), ("cookie", "kiosk")) == [
        ("unknown", "nothing_stated"),
        *[("unknown", "no_customer")] * 3,
    ]


def test_a_word_of_one_identifier_is_the_customers(world, view):
    world.state(MAIL)
    assert permitted(view, LOGIN, MAIL, ("login", "ann")) == [
        *[("allowed", "granted")] * 2,
        ("unknown", "nothing_stated"),
    ]
    world.state(LOGIN, withdrawn=True)
    assert permitted(view, LOGIN, MAIL) == [("denied", "withdrawn")] * 2
    assert of_ids(view, id_of(view, LOGIN), "c_nobody") == [
        ("denied", "withdrawn"),
        ("unknown", "no_customer"),
    ]


def test_what_the_generation_knows_and_the_stream_says_since(world, view):
    world.state(MAIL, live=False, withdrawn=True)
    world.publish(number=2)
    world.go_live()
    assert permitted(view, LOGIN) == [("denied", "withdrawn")]
    world.state(MAIL)
    assert permitted(view, LOGIN) == [("allowed", "granted")]
    world.publish(number=3)
    world.go_live()
    assert permitted(view, LOGIN) == [("allowed", "granted")]


def test_on_a_merge_the_most_restrictive_holds_and_on_a_split_each_keeps_its_own(world, view):
    world.state(LOGIN)
    world.apply({"email": "new@example.com"})
    new = ("email", "new@example.com")
    world.state(new, withdrawn=True)
    before = id_of(view, new)
    assert permitted(view, LOGIN, new) == [("allowed", "granted"), ("denied", "withdrawn")]
    world.apply({**TOM, "email": "new@example.com"})
    assert permitted(view, LOGIN, new) == [("denied", "withdrawn")] * 2
    assert of_ids(view, id_of(view, LOGIN)) == [("denied", "withdrawn")]
    world.decide(LOGIN, new, Verdict.CANNOT)
    assert permitted(view, LOGIN, new) == [("allowed", "granted"), ("denied", "withdrawn")]
    assert of_ids(view, before, id_of(view, LOGIN)) == [("denied", "withdrawn"), ("allowed", "granted")]


def test_an_id_whose_first_resident_is_nobodys_any_more(redis, tmp_path):
    world = World(redis, tmp_path, rules=RULES.replace("normalise: email,", "normalise: email, hot: 3,"))
    home = {"email": "ann@example.com", "cookie": "c0"}
    world.publish(home)
    world.go_live()
    view = ServingView(redis, tmp_path, "default")
    id_ = id_of(view, ("cookie", "c0"))
    world.state(("cookie", "c0"))
    world.state(("email", "ann@example.com"), withdrawn=True)
    assert of_ids(view, id_) == [("denied", "withdrawn")]
    world.apply(*[{**home, "cookie": f"c{i}"} for i in range(1, 5)])
    assert view.lookup([("email", "ann@example.com")]).found[0].customer is None
    assert of_ids(view, id_, "c_nobody") == [("allowed", "granted"), ("unknown", "no_customer")]


def test_an_end_and_a_beginning(world, view):
    world.state(LOGIN, valid_from=100, valid_until=200)
    found = [permitted(view, LOGIN, at=at)[0] for at in (99, 100, 199, 200)]
    assert found == [("denied", "not_yet"), *[("allowed", "granted")] * 2, ("denied", "expired")]


def test_one_round_trip_where_the_generation_knows_the_customer(world, view):
    world.state(MAIL)
    question = check(view.generations.current, "default", [LOGIN, ("login", "nobody")], ADS, 1_000)
    reading = view._read(next(question))
    with pytest.raises(StopIteration):
        question.send(reading)


def test_who_has_more_identifiers_than_one_look_may_watch(world, view, monkeypatch):
    monkeypatch.setattr("serving_layer.permissions.MOST_WATCHED", 1)
    world.state(LOGIN)
    world.state(MAIL, withdrawn=True)
    assert permitted(view, LOGIN, ("login", "ann")) == [
        ("denied", "withdrawn"),
        ("unknown", "nothing_stated"),
    ]


def test_while_the_stream_cannot_be_asked_nothing_is_permitted(world, view):
    world.state(MAIL, live=False)
    world.state(("login", "ann"), live=False, withdrawn=True)
    world.publish(number=2)
    world.go_live()
    assert permitted(view, LOGIN) == [("allowed", "granted")]
    world.redis.delete(overlay.LIVE)
    assert permitted(view, LOGIN, ("login", "ann")) == [("unknown", "stale"), ("denied", "withdrawn")]


def test_readers_that_move_on_meanwhile_are_followed(world, view):
    world.state(MAIL, withdrawn=True)
    assert permitted(view, LOGIN) == [("denied", "withdrawn")]
    question = check(view.generations.current, "default", [LOGIN], ADS, 1_000)
    look = next(question)
    world.publish(number=2)
    world.go_live()
    world.state(MAIL)
    found = None
    try:
        while True:
            look = question.send(view._read(look))
    except StopIteration as done:
        found = done.value
    assert [one.status for one in found.found] == ["allowed"]
    assert found.freshness.generation == 2


def ask(served, key, **body):
    return served.ask("POST", "/v1/permissions/check", {"purpose": "Ads", **body}, key)


def test_over_http(world, served, key):
    until = time.time_ns() // 1_000 // DAY * DAY + 2 * DAY
    world.state(MAIL, channel="email", valid_until=until)
    mine = {"identifiers": [{"type": "login", "value": "tom"}, {"type": "login", "value": "x"}]}
    found = ask(served, key, channel="EMAIL", **mine).json()
    tom, nobody = found["results"]
    assert tom["until"].endswith("T00:00:00+00:00")
    assert (tom["status"], tom["reason"]) == ("allowed", "granted")
    assert nobody == {"customer_id": None, "status": "unknown", "reason": "no_customer", "until": None}
    assert (found["generation"], found["stale"]) == (1, False)
    assert [one["status"] for one in ask(served, key, **mine).json()["results"]] == ["unknown"] * 2
    same = ask(served, key, channel="email", customers=[tom["customer_id"]]).json()["results"]
    assert same == [tom]
    world.state(MAIL, withdrawn=True)
    assert ask(served, key, channel="email", **mine).json()["results"][0]["status"] == "denied"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"purpose": " "}, "the body is no check of permissions: "),
        ({"customers": ["c_x"] * 1_001}, "the body is no check of permissions: "),
        (
            {"customers": ["c_x"], "identifiers": [{"type": "login", "value": "x"}]},
            "ask of identifiers or of",
        ),
        ({"identifiers": [{"type": "shoe", "value": "x"}]}, "no rule names the identifier type"),
        ({"reason": "x"}, "the body is no check of permissions: it has a field that is not known"),
    ],
)
def test_a_wrong_question_is_told_so(served, key, body, told):
    answer = ask(served, key, **body)
    assert answer.status == 400
    assert answer.json()["error"].startswith(told)


def test_an_empty_list_has_an_empty_answer(served, key):
    assert ask(served, key).json()["results"] == []


def test_a_thousand_are_answered_together(world, served, key):
    world.state(MAIL)
    asked = [{"type": "login", "value": "tom"}] * 999 + [{"type": "login", "value": "x"}]
    found = [one["status"] for one in ask(served, key, identifiers=asked).json()["results"]]
    assert found == ["allowed"] * 999 + ["unknown"]


def test_guessing_ends_soon_here_too(served):
    key = served.key("lookup", unknown=3)
    answers = [ask(served, key, customers=[f"c_{i}"]).status for i in range(5)]
    assert answers == [200, 200, 200, 429, 429]


def test_who_asked_is_noted(world, served, key):
    world.state(MAIL)
    ask(served, key, identifiers=[{"type": "login", "value": "tom"}])
    served.ask("POST", "/v1/permissions/history", {"identifier": {"type": "login", "value": "tom"}}, key)
    noted = "".join(path.read_text() for path in served.audit.iterdir())
    assert '"act":"permissions"' in noted
    assert '"act":"statements"' in noted
    assert "tom@example.com" not in noted


def history(served, key, body):
    return served.ask("POST", "/v1/permissions/history", body, key)


def test_a_history_outlives_the_generations(world, served, key):
    world.state(MAIL, source="form", proof="sha256:1")
    world.state(MAIL, source="form", proof="sha256:2")
    world.state(MAIL, withdrawn=True, channel="email")
    world.publish(number=2)
    world.go_live()
    world.state(LOGIN)
    told = history(served, key, {"identifier": {"type": "login", "value": "tom"}}).json()
    said = [
        (one["identifier"]["type"], one["status"], one["channel"], one["proof"]) for one in told["statements"]
    ]
    assert said == [
        ("email", "granted", "", "sha256:1"),
        ("email", "withdrawn", "email", ""),
        ("login", "granted", "", ""),
    ]
    assert history(served, key, {"customer": told["customer_id"]}).json() == told


def test_whose_history_has_to_be_said(served, key):
    assert history(served, key, {}).status == 400
    both = {"customer": "c_x", "identifier": {"type": "login", "value": "tom"}}
    assert history(served, key, both).status == 400
    assert history(served, key, {"customer": "c_x"}).status == 404
    assert history(served, key, {"identifier": {"type": "login", "value": "x"}}).status == 404
    assert history(served, key, {"identifier": {"type": "shoe", "value": "x"}}).status == 400
    ann = {"identifier": {"type": "login", "value": ANN["login"]}}
    assert history(served, key, ann).json()["statements"] == []
