"""The made-up events: the shares that the benchmark promises, and the same ones each time."""

from collections import Counter
from itertools import islice

import pytest

from benchmarks.speed import workload
from benchmarks.speed.population import person
from benchmarks.speed.workload import Workload, as_avro, as_json
from deploy.beginning import STARTER_RULES
from identity import Observer, rulefile
from schemas import WEB, decode

EVENTS = 100_000
NOW = workload._START + 30 * 86_400_000_000


@pytest.fixture(scope="module")
def events():
    return list(Workload.of(EVENTS))


def values(event):
    return [value for values in event.identifiers.values() for value in values]


def share(events, true):
    return sum(map(true, events)) / len(events)


def test_shares_are_as_promised(events):
    junk = {value for _, value in workload._JUNK}
    assert share(events, lambda e: len(values(e)) > 1) == pytest.approx(0.15, abs=0.005)
    assert share(events, lambda e: any(v.startswith("GA1.3.") for v in values(e))) == pytest.approx(
        0.005, abs=0.001
    )
    assert share(events, lambda e: not junk.isdisjoint(values(e))) == pytest.approx(0.001, abs=0.0005)


def test_what_is_repeated_is_repeated_to_the_byte(events):
    payloads = Counter(map(as_json, events))
    assert 1 - len(payloads) / EVENTS == pytest.approx(0.02, abs=0.002)
    assert len({event.event_id for event in events}) == len(payloads)


def test_some_events_come_late(events):
    once = list({event.event_id: event for event in events}.values())
    newest, late = 0, 0
    for event in once:
        late += event.occurred_at < newest
        newest = max(newest, event.occurred_at)
    assert late / EVENTS == pytest.approx(0.03, abs=0.003)


def test_activity_follows_zipf():
    customers = Counter()
    cookies = {cookie: number for number in range(1_000) for cookie in person(number).cookies}
    for event in Workload(50_000, 1_000):
        customers.update(
            {cookies[cookie] for cookie in event.identifiers.get("cookie", ()) if cookie in cookies}
        )
    assert customers[0] / customers[9] == pytest.approx(10, rel=0.2)
    assert customers[0] / customers[99] == pytest.approx(100, rel=0.4)


def test_some_devices_are_so_shared_that_the_rules_set_them_aside():
    logins = {}
    for event in islice(Workload.of(1_000_000), 250_000):
        for cookie in event.identifiers.get("cookie", ()):
            if cookie.startswith("GA1.3."):
                logins.setdefault(cookie, set()).update(event.identifiers.get("login", ()))
    hot = rulefile.load(STARTER_RULES).types["cookie"].hot
    assert max(map(len, logins.values())) > hot
    assert sum(1 < len(shared) <= hot for shared in logins.values()) > 10


def test_both_forms_are_read_as_the_same_event(events):
    for event in events[:2_000]:
        assert decode(WEB, as_json(event), NOW) == decode(WEB, as_avro(event), NOW) == event


def test_the_rules_know_every_type_and_set_only_junk_aside(events):
    observer = Observer(rulefile.load(STARTER_RULES))
    junk = set(workload._JUNK)
    for event in events[:20_000]:
        for type_, raw in event.identifiers.items():
            for value in raw:
                assert (observer.identify(type_, value)[1] is not None) == ((type_, value) in junk)


def test_events_are_the_same_each_time_and_others_afterwards(events):
    again = Workload.of(EVENTS)
    assert list(again) == events
    then = list(again.next(1_000))
    assert len(then) == 1_000
    assert then[0].occurred_at > events[-1].occurred_at
    assert not {event.event_id for event in then} & {event.event_id for event in events}


def test_everybody_can_be_told_apart_and_recognised():
    people = [person(number) for number in range(20_000)]
    known = [value for who in people for value in (*who.cookies, who.login, who.email) if value]
    assert len(set(known)) == len(known)
    assert all(len(who.cookies) + bool(who.login) + bool(who.email) >= 2 for who in people)
    assert share(people, lambda who: bool(who.login)) == pytest.approx(0.7, abs=0.02)
    assert share(people, lambda who: bool(who.email)) == pytest.approx(0.5, abs=0.02)
