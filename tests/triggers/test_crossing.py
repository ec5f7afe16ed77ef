"""Who came into a segment or left it: whatever is looked at, and however often, each turn is told once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.notation import DAY
from schemas import Cause
from speed_layer.triggers.crossing import crossed
from speed_layer.triggers.definition import parse
from speed_layer.triggers.model import MEMBERSHIP_KEPT
from speed_layer.triggers.seams import Membership
from speed_layer.triggers.settling import look_again_at, settle
from speed_layer.triggers.steps import Judge, Told
from speed_layer.triggers.waiting import joined

TRIGGERS = parse(
    """
    triggers:
      came: {when: {segment: {joined: regulars}}}
      went: {when: {segment: {left: regulars}}}
      other: {when: {web: {kind: x}}}
    """
)
NOW = 1_767_312_000_000_000


def cause(offset):
    return Cause(topic="web.events", partition=0, offset=offset, event_id=f"e{offset}")


def judge(offset, at=NOW, now=NOW):
    return Judge(at, cause(offset), now)


def membership(*, now, published, cut_off=0):
    sides = ["regulars"] if now else [], ["regulars"] if published else []
    return Membership(*sides, {"web.events": {0: cut_off}})


def told(due):
    return [(one.trigger.name, one.cause.event_id) for one in due]


def test_a_turn_is_told_and_the_same_found_again_is_not():
    due, waits = crossed({}, TRIGGERS, membership(now=True, published=False), judge(1))
    assert told(due) == [("came", "e1")]
    for offset in (1, 2):
        due, waits = crossed(waits, TRIGGERS, membership(now=True, published=False), judge(offset))
        assert not due
    due, waits = crossed(waits, TRIGGERS, membership(now=False, published=False), judge(3))
    assert told(due) == [("went", "e3")]
    due, waits = crossed(waits, TRIGGERS, membership(now=True, published=False), judge(4, at=NOW - DAY // 2))
    assert told(due) == [("came", "e4")], "what is found later counts, though it is of an earlier time"


def test_who_was_there_by_the_generation_neither_came_nor_went():
    for there in (True, False):
        assert crossed({}, TRIGGERS, membership(now=there, published=there), judge(1)) == ([], {})
    due, _ = crossed({}, TRIGGERS, membership(now=False, published=True), judge(1))
    assert told(due) == [("went", "e1")]


def test_a_generation_that_holds_the_turn_is_what_counts_from_then_on():
    _, waits = crossed({}, TRIGGERS, membership(now=True, published=False), judge(1))
    # One that does not hold it says nothing of it.
    assert crossed(waits, TRIGGERS, membership(now=True, published=False, cut_off=1), judge(2))[0] == []
    assert crossed(waits, TRIGGERS, membership(now=True, published=True, cut_off=2), judge(2)) == ([], waits)
    # In one that holds it time took them out, and they came again.
    due, _ = crossed(waits, TRIGGERS, membership(now=True, published=False, cut_off=2), judge(2))
    assert told(due) == [("came", "e2")]


def by_generation(waits, *, was, now, number=2, cut_off=5):
    """What fires where generation `number` has come, and the one before held what was below a cut-off."""
    cause = Cause(topic="generation", partition=0, offset=number, event_id=f"generation-{number}")
    offsets = {"web.events": {0: cut_off}, "generation": {0: number}}
    step = Told(NOW, cause, NOW, ["regulars"] if was else [], offsets)
    before = Membership(["regulars"] if now else [], step.was, offsets)
    due, left = crossed(waits, TRIGGERS, before, step)
    return told(due), left


def test_whom_a_generation_turned_is_told_once():
    due, waits = by_generation({}, was=False, now=True)
    assert due == [("came", "generation-2")]
    assert by_generation(waits, was=False, now=True) == ([], waits), "found again after a start"
    assert crossed(waits, TRIGGERS, membership(now=True, published=True), judge(9)) == ([], waits)
    due, waits = by_generation(waits, was=True, now=False, number=3)
    assert due == [("went", "generation-3")]
    assert by_generation(waits, was=False, now=True, number=4)[0] == [("came", "generation-4")]


@pytest.mark.parametrize("looked_at_first", [False, True])
def test_whom_the_stream_turned_before_a_generation_is_not_told_of_again(looked_at_first):
    _, waits = crossed({}, TRIGGERS, membership(now=True, published=False, cut_off=5), judge(7))
    if looked_at_first:  # by the new generation, which holds the message
        due, waits = crossed(waits, TRIGGERS, membership(now=True, published=True, cut_off=9), judge(10))
        assert not due
    due, waits = by_generation(waits, was=False, now=True)
    assert not due
    # What the generation before held already is its word.
    assert by_generation(waits, was=True, now=False, number=3, cut_off=9)[0] == [("went", "generation-3")]


def test_a_message_that_is_looked_at_after_its_generation_tells_nothing_more():
    due, waits = by_generation({}, was=False, now=True)
    assert due
    assert crossed(waits, TRIGGERS, membership(now=True, published=True, cut_off=9), judge(7)) == ([], waits)


def test_what_is_too_old_turns_and_is_not_told():
    due, waits = crossed({}, TRIGGERS, membership(now=True, published=False), judge(1, at=NOW - DAY))
    assert not due
    assert crossed(waits, TRIGGERS, membership(now=True, published=False), judge(2)) == ([], waits)


def test_a_turn_is_kept_until_a_generation_can_be_expected_to_hold_it():
    _, waits = crossed({}, TRIGGERS, membership(now=True, published=False), judge(1))
    assert settle(waits, TRIGGERS, NOW + MEMBERSHIP_KEPT - 1) == ([], waits)
    assert settle(waits, TRIGGERS, NOW + MEMBERSHIP_KEPT) == ([], {})
    assert look_again_at(waits, TRIGGERS) == NOW + MEMBERSHIP_KEPT


def test_other_waits_are_left_alone():
    other, _ = parse("triggers: {t: {when: {web: {kind: x}}, unless: {web: {kind: y}}, within: 5m}}"), None
    _, waits = crossed({}, TRIGGERS, membership(now=True, published=False), judge(1))
    waiting = {"t": waits["came"]}
    assert crossed(waiting, TRIGGERS | other, membership(now=False, published=False), judge(2)) == (
        [],
        waiting,
    )


@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), max_size=12), st.booleans(), st.data())
def test_turns_alternate_as_the_obvious_code_has_them(looks, published, data):
    waits, found, before, expected = {}, [], published, []
    for offset, (there, at) in enumerate(looks):
        step = judge(offset, at=NOW + at)
        for _ in range(data.draw(st.integers(1, 2))):  # a crash has it looked at twice
            due, waits = crossed(waits, TRIGGERS, membership(now=there, published=published), step)
            found += told(due)
        expected += [("came" if there else "went", f"e{offset}")] if there != before else []
        before = there
    assert found == expected


def test_of_two_who_merge_one_word_is_left():
    _, one = crossed({}, TRIGGERS, membership(now=True, published=False), judge(1))
    due, both = crossed(joined(one, {}), TRIGGERS, membership(now=True, published=True), judge(2))
    assert not due
    assert both["came"].open


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("{segment: {}}", "triggers.t.when.segment: write one of 'joined: SEGMENT' and 'left: SEGMENT'"),
        ("{segment: {joined: a, left: b}}", "triggers.t.when.segment: write one of 'joined: SEGMENT'"),
        ("{segment: {enters: a}}", "triggers.t.when.segment.enters: is no known key"),
        ("{segment: {joined: a}, web: {kind: x}}", "triggers.t.when: a segment stands alone"),
    ],
)
def test_what_is_wrong_is_told_with_a_remedy(when, says):
    from speed_layer.triggers.errors import DefinitionError

    with pytest.raises(DefinitionError) as refused:
        parse(f"triggers: {{t: {{when: {when}}}}}")
    assert says in str(refused.value)


def test_a_segment_waits_for_nothing():
    from speed_layer.triggers.errors import DefinitionError

    with pytest.raises(DefinitionError, match="has no meaning for a segment"):
        parse("triggers: {t: {when: {segment: {joined: a}}, unless: {web: {kind: x}}, within: 3m}}")
