"""More questions: why, what happened, who was it then; and a steward's word."""

import pytest

from identity import Identifier, Verdict
from schemas import Cause, CustomerChange, Decision
from schemas import Identifier as Sent
from serving_layer.access.verify import entries
from serving_layer.history import History, NoHistory
from tests.serving.client import asked
from tests.serving.world import ANN, TOM

SECRET = "hidden.person@example.com"


def explained(served, a, b, key=None):
    body = {name: {"type": x[0], "value": x[1]} for name, x in (("a", a), ("b", b))}
    return served.ask("POST", "/v1/explain", body, key or served.key("read"))


def ends(links):
    return [((x["a"]["type"], x["a"]["value"]), (x["b"]["type"], x["b"]["value"])) for x in links]


def test_the_path_leads_from_one_to_the_other_with_its_times(world, served):
    world.apply({**TOM, "cookie": "a"}, {"cookie": "a"}, {"login": "tom", "cookie": "b"})
    found = explained(served, ("cookie", "b"), ("cookie", "a")).json()
    assert found["same"]
    assert ends(found["path"]) == [(("cookie", "b"), ("login", "tom")), (("login", "tom"), ("cookie", "a"))]
    assert found["certainty"] == 1.0
    assert found["path"][1]["first_seen"] == found["path"][1]["last_seen"] < found["path"][0]["last_seen"]
    assert found["path"][0]["verdict"] is None
    assert found["a"]["customer_id"] == found["b"]["customer_id"]
    assert found["refused"] == []


def test_who_is_not_the_same_is_told_which_rule_refused(world, served):
    world.apply({"login": "tom", "cookie": "shared"}, {"login": "ann", "cookie": "shared"})
    found = explained(served, ("login", "tom"), ("login", "ann")).json()
    assert (found["same"], found["path"], found["certainty"]) == (False, [], None)
    assert [(x["a"], x["b"], x["reason"]) for x in found["refused"]] == [
        (
            {"type": "cookie", "value": "shared"},
            {"type": "login", "value": "tom"},
            "shared: a cookie keeps its newest 1 login only",
        )
    ]


def test_a_limit_that_refused_is_told(world, served):
    world.apply({**TOM, "cookie": "x"}, {"email": ANN["email"], "cookie": "x"})
    found = explained(served, ("login", "tom"), ("login", "ann")).json()
    assert not found["same"]
    assert "max: one customer would have more than 1 login" in {x["reason"] for x in found["refused"]}


def test_a_steward_s_word_is_told_with_who_and_why(world, served):
    world.decide(("login", "tom"), ("email", TOM["email"]), Verdict.CANNOT)
    decision = Decision(
        decision_id="d1",
        decided_at=5,
        verdict="cannot_link",
        a=Sent("x", "x"),
        b=Sent("x", "y"),
        who="eve",
        why="two men",
    )
    served.history.take([], [(decision, Identifier("email", TOM["email"]), Identifier("login", "tom"))], {})
    found = explained(served, ("login", "tom"), ("email", TOM["email"])).json()
    assert "decided: a steward keeps these two apart" in {x["reason"] for x in found["refused"]}
    (word,) = found["decisions"]
    assert (word["who"], word["why"], word["verdict"]) == ("eve", "two men", "cannot_link")


def test_hot_unknown_and_blocked_ends_are_explained_too(served):
    found = explained(served, ("cookie", "kiosk"), ("email", "visitor0@example.com")).json()
    assert found["a"] == {"customer_id": None, "reason": "hot: linked to more than 3 values of email"}
    assert {x["reason"] for x in found["refused"]} >= {"hot: linked to more than 3 values of email"}
    found = explained(served, ("login", "nobody"), ("login", "null")).json()
    assert (found["a"], found["b"]["reason"]) == (None, "blocked: stands for no value")


@pytest.mark.parametrize("body", [{}, {"a": {"type": "email", "value": SECRET}}])
def test_a_question_that_is_none(served, body):
    answer = served.ask("POST", "/v1/explain", body, served.key("read"))
    assert answer.status == 400
    assert SECRET not in answer.text
    assert explained(served, ("card", "4111"), ("login", "tom")).status == 400


def change(kind, customer_id, at, previous=(), identifiers=(), tenant="default"):
    return CustomerChange(
        change_id=f"{kind}{customer_id}{at}",
        tenant=tenant,
        kind=kind,
        at=at,
        customer_id=customer_id,
        previous=list(previous),
        identifiers=[Sent(*x) for x in identifiers],
        cause=Cause(topic="web.events", partition=0, offset=at, event_id=f"e{at}"),
        version=at,
        generation=1,
    )


def test_the_history_of_a_customer_and_of_those_it_took_in(served):
    key = served.key()
    tom, ann = (
        found["customer_id"]
        for found in served.lookup(("login", "tom"), ("login", "ann"), key=key).json()["results"]
    )
    changes = [
        change("created", "c_old", 1, identifiers=[("email", SECRET)]),
        change("created", tom, 2),
        change("merged", tom, 3, previous=["c_old"], identifiers=[("email", TOM["email"])]),
        change("split", "c_other", 4, previous=[tom]),
        change("created", ann, 5),
        change("created", tom, 6, tenant="other"),
    ]
    for _ in range(2):  # what is read twice is in it once
        served.history.take(changes, [], {"customer.changes:0": 6})
    body = served.ask("GET", f"/v1/customers/{tom}/history", key=key)
    told = [(x["kind"], x["customer_id"], x["at"]) for x in body.json()["changes"]]
    assert told == [
        ("created", "c_old", "1970-01-01T00:00:00.000001+00:00"),
        ("created", tom, "1970-01-01T00:00:00.000002+00:00"),
        ("merged", tom, "1970-01-01T00:00:00.000003+00:00"),
        ("split", "c_other", "1970-01-01T00:00:00.000004+00:00"),
    ]
    assert body.json()["changes"][2]["cause"] == {
        "topic": "web.events",
        "partition": 0,
        "offset": 3,
        "event_id": "e3",
    }
    assert served.history.ends() == {"customer.changes:0": 6}
    found = explained(served, ("login", "tom"), ("email", TOM["email"])).json()
    assert (found["joined_by"]["kind"], found["joined_by"]["at"][-9:-6]) == ("merged", "003")
    assert SECRET.encode() not in b"".join(p.read_bytes() for p in served.keys.parent.glob("history.db*"))


def test_a_history_of_nobody_is_as_unknown_as_nobody(served):
    served.history.take([change("created", "c_theirs", 1, tenant="other")], [], {})
    key = served.key("read")
    told = {
        served.ask("GET", f"/v1/customers/{id_}/history", key=key).body for id_ in ("c_theirs", "c_nobody")
    }
    assert len(told) == 1


def test_a_damaged_history_is_an_error_that_names_it(tmp_path):
    history = History(tmp_path / "history.db")
    (tmp_path / "history.db").write_bytes(b"x" * 10_000)
    with pytest.raises(NoHistory, match=r"history\.db: the history cannot be read"):
        history.of("default", "c_x")


def test_who_it_was_then_is_what_the_generation_of_then_says(world, served):
    key = served.key()
    world.publish(TOM, number=2, as_of=1_000_000)
    world.publish({**TOM, "cookie": "second"}, number=3, as_of=2_000_000)
    world.publish({**TOM, "cookie": "third"}, number=4, as_of=3_000_000)
    world.go_live()
    world.apply({**TOM, "cookie": "now"})

    def cookies(as_of):
        body = asked(("login", "tom")) | ({"as_of": as_of} if as_of else {})
        answer = served.ask("POST", "/v1/lookup", body, key).json()
        values = {x["value"] for x in answer["results"][0]["identifiers"] if x["type"] == "cookie"}
        return values, answer["generation"], answer["through"], answer["stale"]

    assert cookies(None)[0] == {"third", "now"}
    assert cookies("1970-01-01T00:00:02.5Z") == ({"second"}, 3, "1970-01-01T00:00:02+00:00", False)
    assert cookies("1970-01-01T01:00:02+01:00")[0] == {"second"}
    assert cookies("1970-01-02T00:00:00Z")[0] == {"third"}
    assert cookies("1970-01-01T00:00:01Z")[0] == set()
    assert cookies(None)[0] == {"third", "now"}
    early = asked(("login", "tom")) | {"as_of": "1969-01-01T00:00:00Z"}
    answer = served.ask("POST", "/v1/lookup", early, key)
    assert answer.status == 404
    assert "ask about a later one" in answer.json()["error"]
    answer = served.ask("POST", "/v1/lookup", asked(("login", "tom")) | {"as_of": "1970-01-01"}, key)
    assert answer.status == 400


def ruling(verdict="must_link", a=("login", "tom"), b=("email", "Ann@example.com"), **more):
    return {
        "verdict": verdict,
        "a": {"type": a[0], "value": a[1]},
        "b": {"type": b[0], "value": b[1]},
        "why": "they told us",
        **more,
    }


def test_a_decision_goes_to_the_log_with_who_and_why(served):
    answer = served.ask("POST", "/v1/decisions", ruling(), served.key("steward"))
    (sent,) = served.sent
    assert (answer.status, answer.json()) == (
        202,
        {"decision_id": sent.decision_id, "offset": {"customer.decisions:0": 0}},
    )
    assert (sent.verdict, sent.who, sent.why, sent.tenant) == (
        "must_link",
        "key k_0",
        "they told us",
        "default",
    )
    assert (sent.a.value, sent.b.value) == ("tom", "Ann@example.com")
    (entry,) = [entry for _, entry in entries(served.audit)]
    pair = [Identifier("login", "tom"), Identifier("email", "ann@example.com")]
    assert entry.about == [served.seal.of("default", x) for x in pair]
    assert entry.detail == {"decision_id": sent.decision_id, "verdict": "must_link"}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (ruling("maybe"), "the body is no decision: "),
        (ruling(why=""), "the body is no decision: "),
        (ruling(who="somebody else"), "it has a field that is not known"),
        (ruling(b=("login", " tom ")), "needs two different identifiers"),
        (ruling(b=("email", SECRET.replace("@", "@@"))), "a email that links nobody: invalid"),
        (ruling(b=("card", "4111")), "identifier type 'card'"),
    ],
)
def test_a_decision_that_cannot_hold_is_refused_and_not_sent(served, body, problem):
    answer = served.ask("POST", "/v1/decisions", body, served.key("steward"))
    assert (answer.status, served.sent) == (400, [])
    assert problem in answer.json()["error"]
    assert "hidden" not in answer.text


def test_other_tenants_decide_for_themselves(served):
    served.ask("POST", "/v1/decisions", ruling(), served.key("steward", tenant="other"))
    assert served.sent[0].tenant == "other"
