"""From messages to those whose segments are looked at, with customers and a view made up."""

import asyncio

import pytest

from identity import Customer, Identifier, rulefile
from schemas import (
    CHANGES,
    CONSENTS,
    EMAIL,
    WEB,
    Cause,
    Consent,
    CustomerChange,
    EmailEvent,
    WebEvent,
    encode,
)
from speed_layer.triggers.definition import parse
from speed_layer.triggers.joining import Joining
from speed_layer.triggers.keeping import Keeping
from speed_layer.triggers.seams import Membership
from speed_layer.triggers.steps import Join, Judge, Message, unpack_step
from speed_layer.triggers.waiting import Wait
from tests.triggers.test_routing import HOUR, NOW

TRIGGERS = parse("triggers: {came: {when: {segment: {joined: buyers}}, max_age: 2h}}")
RULES = rulefile.parse("""
identifiers: {login: {rank: 1}, email: {rank: 2}}
profile: {town: {}}
segments:
  buyers: {events: [{web: {kind: purchase}}], consents: [{purpose: marketing}]}
  nobody: {profile: {town: {known: false}}}
""")


class View:
    """Customers by login and segments by customer, and what was waited for."""

    def __init__(self, rules=RULES, current="c_tom"):
        self.waited, self._rules, self._current = [], rules, current

    def of(self, asked):
        if isinstance(asked, Customer):
            return Membership(["buyers"], [], {})
        return [f"c_{next(iter(event.values()))[0]}" for event in asked]

    def current(self, _customer_id):
        return Customer(self._current, (Identifier("login", "tom"),)) if self._current else None

    def rules(self):
        return self._rules

    async def applied(self, needed):
        self.waited.append(dict(needed))


def joining(view, triggers=TRIGGERS):
    return Joining("default", triggers, view, view, view, clock=lambda: NOW)


def message(topic, record, offset=7):
    return Message(topic, 2, offset, None, encode(record), NOW)


def web(event_id="e1", at=NOW, **fields):
    return WebEvent(event_id=event_id, occurred_at=at, **{"identifiers": {"login": ["tom"]}} | fields)


def looked(out):
    return {(one.key.decode(), unpack_step(one.value).cause.event_id) for one in out}


def routed(*messages, view=None, triggers=TRIGGERS):
    return looked(asyncio.run(joining(view or View(), triggers).outgoing(messages)))


def test_what_may_make_a_difference_is_looked_at():
    view = View()
    found = routed(
        message(WEB, web("counted", kind="purchase"), 5),
        message(WEB, web("said", properties={"town": "Bath"}), 6),
        message(WEB, web("idle", kind="page_view"), 8),
        message(WEB, web("foreign", kind="purchase", tenant="other")),
        message(WEB, web("old", kind="purchase", at=NOW - 2 * HOUR)),
        Message(WEB, 1, 3, None, b"{", NOW),
        view=view,
    )
    assert found == {("c_tom", "counted"), ("c_tom", "said")}
    assert view.waited == [{(WEB, 2): 8}]


def test_a_word_on_permissions_counts_for_each_identifier():
    both = {"login": ["tom"], "email": ["ann"]}
    consent = Consent(consent_id="k", stated_at=NOW, status="granted", identifiers=both, purpose="marketing")
    mail = EmailEvent(event_id="m", occurred_at=NOW, outcome="unsubscribe", identifiers=both)
    said = web("w", consent={"marketing": True}, identifiers={"login": ["tom"]})
    found = routed(message(CONSENTS, consent), message(EMAIL, mail), message(WEB, said))
    assert found == {("c_tom", "k"), ("c_ann", "k"), ("c_tom", "m"), ("c_ann", "m"), ("c_tom", "w")}


def test_where_no_trigger_asks_nobody_is_looked_at():
    view = View()
    none = parse("triggers: {t: {when: {web: {kind: purchase}}}}")
    assert not joining(view, none)
    assert routed(message(WEB, web(kind="purchase")), view=view, triggers=none) == set()
    assert view.waited == []


def change(kind, event_id="e1", previous=(), **fields):
    cause = Cause(topic=WEB, partition=0, offset=9, event_id=event_id) if event_id else None
    common = {"change_id": "x", "customer_id": "c_tom", "version": 1, "generation": 1, "at": NOW}
    return CustomerChange(**common | {"kind": kind, "previous": [*previous], "cause": cause} | fields)


def changed(*changes, triggers=TRIGGERS):
    messages = [message(CHANGES, one) for one in changes]
    return looked(asyncio.run(joining(View(), triggers).changed(messages)))


def test_whoever_gained_or_lost_identifiers_is_looked_at():
    found = changed(
        change("merged", "m", previous=["c_gone"]),
        change("moved", "v", previous=["c_ann"]),
        change("created", "c"),
        change("merged", event_id=None),
        change("erased", "x"),
        change("moved", "o", at=NOW - 2 * HOUR),
    )
    assert found == {("c_tom", "m"), ("c_gone", "m"), ("c_tom", "v"), ("c_ann", "v")}


def test_newcomers_are_looked_at_where_to_be_unknown_is_to_be_in():
    triggers = parse("triggers: {came: {when: {segment: {joined: nobody}}}}")
    assert changed(change("created", "c"), triggers=triggers) == {("c_tom", "c")}


def test_a_segment_that_the_rules_do_not_have_is_told_once(caplog):
    router = joining(View(), parse("triggers: {came: {when: {segment: {joined: byers}}}}"))
    for _ in range(2):
        asyncio.run(router.outgoing([message(WEB, web(kind="purchase"))]))
    assert [record.getMessage() for record in caplog.records] == [
        "came: the rules in force have no segment byers"
    ]


def taken(view, waits, step, customer_id="c_tom"):
    return asyncio.run(Keeping("default", TRIGGERS, view, view).taken(customer_id, waits, step))


JUDGE = Judge(NOW, Cause(topic=WEB, partition=0, offset=9, event_id="e1"), NOW)


def test_who_came_is_told_once_under_one_id():
    (first,), waits = taken(View(), {}, JUDGE)
    (again,), _ = taken(View(), {}, JUDGE)  # it died before the waits were kept
    assert first == again
    assert (first.to, first.key) == ("due", b"c_tom")
    assert taken(View(), waits, JUDGE) == ([], waits)


@pytest.mark.parametrize("waits", [{}, {"came": Wait(5, None, 3)}])
def test_who_merged_is_looked_at_under_the_new_id(waits):
    out, left = taken(View(), waits, JUDGE, "c_former")
    assert left == {}
    assert {one.key for one in out} == {b"c_tom"}
    assert [unpack_step(one.value) for one in out] == ([Join(waits)] if waits else []) + [JUDGE]


def test_nobody_is_told_of_who_was_erased():
    assert taken(View(current=None), {"came": Wait(5, None, 3)}, JUDGE) == ([], {})
