"""From messages to what is sent on, with customers and a view made up."""

import asyncio

import pytest

from identity import Customer, Identifier
from schemas import (
    CHANGES,
    EMAIL,
    TRIGGERS_DUE,
    WEB,
    Cause,
    CustomerChange,
    EmailEvent,
    WebEvent,
    decode,
    encode,
    encode_json,
    overlay,
)
from schemas import Identifier as Named
from speed_layer.triggers import following
from speed_layer.triggers.changes import Changes
from speed_layer.triggers.definition import parse
from speed_layer.triggers.events import Events
from speed_layer.triggers.firing import trigger_id
from speed_layer.triggers.following import Following
from speed_layer.triggers.steps import Join, Look, Message, unpack_step
from speed_layer.triggers.waiting import NEVER, Wait

TRIGGERS = parse(
    """
    triggers:
      device: {when: {change: {gained: cookie, known_by: login}}}
      basket: {when: {web: {kind: basket}}, unless: {web: {kind: [purchase, swap]}}, within: 30m}
      swap: {when: {web: {kind: swap}}, unless: {web: {kind: swap}}, within: 30m}
      bounced: {when: {email: {outcome: hard_bounce}}, max_age: 2h}
    """
)
NOW = 1_767_312_000_000_000
HOUR = 3_600_000_000


class Known:
    """Customers by login, and whom was asked for."""

    def __init__(self):
        self.asked = []

    def of(self, events):
        self.asked.append(len(events))
        return [f"c_{event['login'][0]}" if event.get("login") else None for event in events]

    def current(self, customer_id):
        members = [Identifier("login", "tom"), Identifier("cookie", "1"), Identifier("cookie", "2")]
        return Customer(customer_id, tuple(members)) if customer_id == "c_tom" else None


class Applied:
    """A view that has everything, and notes what it was asked for."""

    def __init__(self):
        self.needed = []

    async def applied(self, needed):
        self.needed.append(needed)


@pytest.fixture
def known():
    return Known()


@pytest.fixture
def view():
    return Applied()


@pytest.fixture
def route(known, view):
    def run(*messages):
        events = Events("acme", TRIGGERS, known, view, lambda: NOW)
        return [sent(out) for out in asyncio.run(events.outgoing(messages))]

    return run


def sent(out):
    if out.to == "steps":
        return out.key, unpack_step(out.value)
    fired = decode(TRIGGERS_DUE, out.value, 0)
    assert fired.trigger_id == trigger_id("acme", fired.trigger, fired.customer_id, fired.cause.event_id)
    return out.key, (fired.trigger, fired.at, fired.cause.event_id)


def message(record, topic, offset=0, form=encode):
    return Message(topic, 2, offset, None, form(record), NOW)


def web(event_id, kind, login="tom", at=NOW, tenant="acme", **where):
    identifiers = {"login": [login]} if login else {"cookie": ["?"]}
    record = WebEvent(event_id=event_id, tenant=tenant, occurred_at=at, kind=kind, identifiers=identifiers)
    return message(record, WEB, **where)


def mail(event_id, outcome, at=NOW):
    return message(
        EmailEvent(
            event_id=event_id, tenant="acme", occurred_at=at, outcome=outcome, identifiers={"login": ["tom"]}
        ),
        EMAIL,
    )


def cause(event_id, offset=0):
    return Cause(topic=WEB, partition=2, offset=offset, event_id=event_id)


def test_what_begins_and_what_ends(route):
    assert route(web("e1", "basket", offset=7), web("e2", "purchase", offset=8, form=encode_json)) == [
        (b"c_tom", Join({"basket": Wait(NOW, cause("e1", 7))})),
        (b"c_tom", Join({"basket": Wait(ended=NOW)})),
    ]


def test_what_does_both_ends_what_was_and_waits_for_nothing(route):
    ((_, join),) = route(web("e1", "swap"))
    assert not join.waits["swap"].open
    assert join.waits["basket"] == Wait(ended=NOW)


def test_what_fires_at_once_is_as_old_as_it_may_be(route):
    assert route(mail("e1", "hard_bounce", NOW - HOUR), mail("e2", "hard_bounce", NOW - 2 * HOUR)) == [
        (b"c_tom", ("bounced", NOW - HOUR, "e1"))
    ]


def test_nobody_is_asked_of_what_no_trigger_is_about(route, known, view):
    assert route(web("e1", "page_view"), mail("e2", "click"), web("e3", "basket", tenant="other")) == []
    assert route(Message(WEB, 0, 0, None, b"no event", NOW)) == []
    assert (known.asked, view.needed) == ([], [])


def test_all_of_a_batch_are_asked_for_together_once_the_view_has_the_last(route, known, view):
    out = route(
        web("e1", "basket", offset=3), web("e2", "basket", login=None, offset=4), mail("e3", "hard_bounce")
    )
    assert [key for key, _ in out] == [b"c_tom", b"c_tom"]
    assert known.asked == [3]
    assert view.needed == [{(WEB, 2): 4, (EMAIL, 2): 0}]


def change(kind, previous=(), gained="2", customer_id="c_tom", at=NOW, tenant="acme"):
    return message(
        CustomerChange(
            change_id="ch",
            tenant=tenant,
            kind=kind,
            at=at,
            customer_id=customer_id,
            previous=list(previous),
            identifiers=[Named("cookie", gained)],
            cause=cause("e9", 9),
            version=1,
            generation=0,
        ),
        CHANGES,
    )


def changed(*messages):
    changes = Changes("acme", TRIGGERS, Known(), lambda: NOW)
    return [sent(out) for out in asyncio.run(changes.outgoing(messages))]


def test_a_device_is_told_of_with_the_event_that_brought_it():
    assert changed(change("moved")) == [(b"c_tom", ("device", NOW, "e9"))]


def test_who_is_gone_by_a_merge_is_looked_after_and_no_device_is_new():
    assert changed(change("merged", ["c_a", "c_b"])) == [(b"c_a", Look(NEVER)), (b"c_b", Look(NEVER))]


@pytest.mark.parametrize(
    "message",
    [
        change("moved", tenant="other"),
        change("moved", customer_id="c_erased"),
        change("moved", at=NOW - 24 * HOUR),
        change("split", ["c_a"]),
        Message(CHANGES, 0, 0, None, b"of a newer release", NOW),
    ],
)
def test_changes_that_ask_for_nothing(message):
    assert changed(message) == []


def test_the_view_is_waited_for():
    class Redis:
        """A view that reaches one message more with each look, once readers stand on it."""

        looks = 0

        def get(self, _):
            self.looks += 1
            return b"3" if self.looks > 2 else None

        def hgetall(self, key):
            assert key == overlay.offsets_key(3)
            return {overlay.partition_field(WEB, 1): str(self.looks).encode()}

    redis = Redis()
    view = Following(redis)
    asyncio.run(view.applied({(WEB, 1): 4}))
    assert redis.looks == 5
    asyncio.run(view.applied({(WEB, 1): 2}))
    assert redis.looks == 5


def test_a_view_that_does_not_move_is_told_of(caplog, monkeypatch):
    """Nobody would know otherwise why no trigger fires."""
    monkeypatch.setattr(following, "LATE_S", 0.0)

    class Redis:
        reached = 0

        def get(self, _):
            return b"0"

        def hgetall(self, _):
            reached = int("does 'ucid speed' run" in caplog.text)
            return {overlay.partition_field(WEB, 1): str(reached).encode()}

    asyncio.run(Following(Redis()).applied({(WEB, 1): 0}))
