"""What a generation changed by itself: from its file to those who are looked at, once each."""

import asyncio

from deploy.triggering import ViewTurns
from identity import Customer, Identifier
from schemas import turned
from schemas.generation import path_of
from schemas.turned import Turn, Turned
from serving_layer.view import ServingView
from speed_layer.triggers.definition import parse
from speed_layer.triggers.keeping import Keeping
from speed_layer.triggers.seams import Membership
from speed_layer.triggers.steps import Told, unpack_step
from speed_layer.triggers.turning import Turning
from tests.graph.conftest import redis, server
from tests.serving.world import ANN, TOM, World
from tests.triggers.test_routing import HOUR, NOW

__all__ = ["redis", "server"]

TRIGGERS = parse("triggers: {came: {when: {segment: {joined: buyers}}, max_age: 2h}}")
OFFSETS = {"web.events": {0: 5}}


def changed(*rows, at=NOW, before=1, **more):
    return Turned(at=at, before=before, offsets=OFFSETS, rows=[Turn(*row) for row in rows], **more)


class Turns:
    """Generations that were published, as (number, what each changed)."""

    def __init__(self, *known):
        self.known = known

    def since(self, number):
        return self.known[-1][0], [one for one in self.known if one[0] > number]


def turning(*known, triggers=TRIGGERS):
    return Turning("default", triggers, Turns(*known), clock=lambda: NOW)


ROWS = [
    ("default", "c_came", (), ("buyers",)),
    ("default", "c_went", ("buyers",), ()),
    ("default", "c_other", ("readers",), ("readers", "writers")),
    ("another", "c_foreign", (), ("buyers",)),
]


def test_those_are_looked_at_whom_a_trigger_may_ask_about():
    found = turning((2, changed(*ROWS)))
    reached, out = found.look()
    assert reached == 2
    assert [one.key for one in out] == [b"c_came", b"c_went"]
    step = unpack_step(out[0].value)
    assert (step.at, step.was, step.offsets) == (NOW, [], {**OFFSETS, "generation": {0: 2}})
    assert (step.cause.topic, step.cause.offset, step.cause.event_id) == ("generation", 2, "generation-2")
    assert found.look()[1] == out, "until they are on their way"
    found.done(reached)
    assert found.look() == (2, [])


def test_what_is_too_old_or_too_much_is_not_told(caplog):
    old, many = changed(*ROWS, at=NOW - 2 * HOUR), changed(left_out=200_000)
    assert turning((2, old), (3, many)).look() == (3, [])
    assert [record.getMessage() for record in caplog.records] == [
        "generation 3 changed the segments of 200000 customers: too many, and none is told of"
    ]
    assert not turning((2, old), triggers=parse("triggers: {t: {when: {web: {kind: x}}}}"))


class View:
    def __init__(self, current):
        self._current = current

    def current(self, _customer_id):
        return Customer(self._current, (Identifier("login", "tom"),))

    def of(self, _customer):
        return Membership(["buyers"], ["buyers"], OFFSETS)


def test_who_is_another_customer_by_now_is_not_told_of():
    (came, _) = turning((2, changed(*ROWS))).look()[1]
    for current, names in (("c_came", ["came"]), ("c_survivor", [])):
        view = View(current)
        keeping = Keeping("default", TRIGGERS, view, view)
        out, _ = asyncio.run(keeping.taken("c_came", {}, unpack_step(came.value)))
        assert [one.to for one in out] == ["due"] * len(names)


def test_generations_are_followed_by_what_each_was_made_from(redis, tmp_path):
    """The third was made from the first, after readers had been led back from the second."""
    world = World(redis, tmp_path / "generations")
    for number in (1, 2, 3):
        world.publish(TOM, ANN, number=number)
    world.go_live()
    second, third = changed(before=1), changed(before=1, at=NOW + 1)
    turned.write(path_of(world.root, 2), second)
    turned.write(path_of(world.root, 3), third)
    turns = ViewTurns(ServingView(redis, world.root, "default"), world.root)
    assert turns.since(-1) == (3, [(3, third)])
    assert turns.since(1) == (3, [(3, third)])
    assert turns.since(3) == (3, [])


def test_a_step_survives_its_way_through_the_log():
    (came, _) = turning((2, changed(*ROWS))).look()[1]
    assert isinstance(unpack_step(came.value), Told)
