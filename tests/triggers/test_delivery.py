"""Delivery: consent at each try, bounded tries, and a reason for what is given up."""

import asyncio

import pytest

from identity import Customer
from schemas import Cause, Unavailable
from speed_layer.triggers import delivery
from speed_layer.triggers.definition import parse
from speed_layer.triggers.delivery import BACKOFF_S, TRIES, Delivery, Undelivered
from speed_layer.triggers.firing import fired
from speed_layer.triggers.webhook import NotTaken

FILE = """
triggers:
  to_topic: {when: {web: {kind: x}}}
  asked: {when: {web: {kind: x}}, purpose: marketing, channel: email}
  hooked: {when: {web: {kind: x}}, purpose: marketing, webhook: "https://shop.example/hook"}
"""
TRIGGERS = parse(FILE)
CAUSE = Cause(topic="web.events", partition=0, offset=1, event_id="e1")


class World:
    """All that delivery knows of, with a list of what happened."""

    def __init__(self, *, permits=True, known=True, failures=()):
        self.happened = []
        self.permits = permits
        self.known = known
        self.failures = list(failures)
        self.delivery = Delivery(TRIGGERS, self, self, self, self.publish, self.sleep)

    def current(self, customer_id):
        return Customer(customer_id, ()) if self.known else None

    def may_send(self, tenant, customer_id, purpose, channel):
        self.happened.append(("asked", tenant, customer_id, purpose, channel))
        answer = self.permits.pop(0) if isinstance(self.permits, list) else self.permits
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def publish(self, record):
        self.happened.append(("published", record.trigger_id))

    async def post(self, url, message_id, _body):
        self.happened.append(("posted", url, message_id))
        if self.failures:
            raise self.failures.pop(0)

    async def sleep(self, seconds):
        self.happened.append(("slept", seconds))

    def deliver(self, name):
        trigger = TRIGGERS.get(name) or TRIGGERS["to_topic"]
        record = fired("acme", trigger, "c_1", 5, CAUSE)
        if name not in TRIGGERS:
            record = type(record)(
                **{f: getattr(record, f) for f in record.__struct_fields__} | {"trigger": name}
            )
        return asyncio.run(self.delivery.deliver(record))

    def names(self):
        return [what for what, *_ in self.happened]


def passing():
    return NotTaken("HTTP 503", for_good=False)


def test_without_a_purpose_nobody_is_asked():
    world = World(permits=False)
    assert world.deliver("to_topic")
    assert world.names() == ["published"]


def test_consent_is_asked_for_the_purpose_and_the_channel():
    world = World()
    assert world.deliver("asked")
    assert world.happened[0] == ("asked", "acme", "c_1", "marketing", "email")
    assert world.names() == ["asked", "published"]


def test_what_is_not_permitted_is_not_sent():
    world = World(permits=False)
    assert not world.deliver("asked")
    assert not World(permits=False).deliver("hooked")
    assert world.names() == ["asked"]


def test_a_customer_who_is_gone_is_not_told_of():
    world = World(known=False)
    assert not world.deliver("to_topic")
    assert world.names() == []


def test_nothing_is_sent_while_permissions_cannot_be_asked(monkeypatch):
    monkeypatch.setattr("speed_layer.triggers.patience.BACKOFF_S", (0.0, 0.0))
    world = World(permits=[Unavailable("away"), Unavailable("away"), True])
    assert world.deliver("asked")
    assert world.names() == ["asked", "asked", "asked", "published"]


def test_it_is_tried_again_with_the_same_id_and_consent_asked_each_time():
    world = World(failures=[passing(), passing()])
    assert world.deliver("hooked")
    assert world.names() == ["asked", "posted", "slept", "asked", "posted", "slept", "asked", "posted"]
    assert len({entry for entry in world.happened if entry[0] == "posted"}) == 1
    assert [entry[1] for entry in world.happened if entry[0] == "slept"] == [BACKOFF_S[0], 2 * BACKOFF_S[0]]


def test_consent_that_is_withdrawn_between_two_tries_counts():
    world = World(permits=[True, False], failures=[passing()])
    assert not world.deliver("hooked")
    assert world.names() == ["asked", "posted", "slept", "asked"]


def test_tries_are_bounded_and_waits_too():
    world = World(failures=[passing()] * 100)
    with pytest.raises(
        Undelivered,
        match=f"^webhook of hooked on shop.example: HTTP 503, {TRIES} times: mend the receiver, then replay$",
    ):
        world.deliver("hooked")
    assert world.names().count("posted") == TRIES
    assert max(entry[1] for entry in world.happened if entry[0] == "slept") <= BACKOFF_S[1]
    assert sorted(delivery._waits()) == delivery._waits()


def test_what_no_try_would_mend_is_tried_once():
    world = World(failures=[NotTaken("HTTP 410", for_good=True)])
    with pytest.raises(Undelivered, match=r"^webhook of hooked on shop.example: HTTP 410: mend"):
        world.deliver("hooked")
    assert world.names() == ["asked", "posted"]


def test_a_trigger_that_is_no_longer_in_the_file():
    with pytest.raises(Undelivered, match=r"^no trigger is named gone: name one so again, or let this rest$"):
        World().deliver("gone")
