"""The demo's story: what it contains, and how well the rules find its people."""

import json
import re
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from deploy.demo import narrator
from deploy.demo.accuracy import measure
from deploy.demo.narrator import DAYS, END, START
from deploy.demo.people import CAFE, GIVEN, OFFICES, SURNAMES
from deploy.demo.story import FORWARDED, JUNK, MISTYPED, RULES, tell
from identity import Facts, Minter, Observer, resolve, rulefile
from identity.normalise import text
from identity.notation import DAY
from schemas.checks import checks_of
from schemas.json_form import JsonForm
from schemas.topics import TOPICS

PEOPLE = 2_000


def moment(event):
    return datetime.fromisoformat(event["occurred_at"])


def values(event, type_):
    found = event["identifiers"].get(type_, [])
    return [found] if isinstance(found, str) else found


def resolved(story, later=0):
    rules = rulefile.load(RULES)
    facts, observer = Facts(), Observer(rules)
    for position, event in enumerate(story.events):
        identifiers = {type_: values(event, type_) for type_ in event["identifiers"]}
        occurred_at = (moment(event) - datetime.fromtimestamp(0, START.tzinfo)) // timedelta(microseconds=1)
        observer.observe(facts, identifiers, event["properties"], occurred_at, position)
    return facts, resolve(facts, rules, minter=Minter(b"key"), as_of=facts.newest + later)


@pytest.fixture(scope="module")
def story():
    return tell()


@pytest.fixture(scope="module")
def told(story):
    """The story, its events without repeats, and how the shop's rules resolve it."""
    facts, resolution = resolved(story)
    once = list({event["event_id"]: event for event in story.events}.values())
    home = {member: customer.id for customer in resolution.customers for member in customer.members}
    return SimpleNamespace(story=story, once=once, facts=facts, resolution=resolution, home=home)


def test_one_seed_tells_one_story():
    assert tell(1, 50) == tell(1, 50)
    assert tell(1, 50) != tell(2, 50)


def test_every_event_keeps_the_contract(story):
    read = {name: JsonForm(topic.record).read for name, topic in TOPICS.items()}
    for message in story.messages:
        record = read[message.topic](json.dumps(message.event).encode())
        checks_of(type(record))(record)
        assert START <= moment(message.event) <= END
    assert timedelta(days=DAYS) == END - START


def test_its_size_and_kinds(told):
    assert 25_000 <= len(told.story.messages) <= 30_000
    kinds = Counter(event.get("kind") or event["outcome"] for event in told.once)
    assert set(kinds) == {
        *("page_view", "register", "login", "form", "purchase", "crm_record"),
        *("sent", "open", "click"),
    }
    assert min(kinds.values()) > 100
    assert len({message.truth for message in told.story.messages}) == PEOPLE
    exported = {moment(event).date() for event in told.once if event.get("kind") == "crm_record"}
    assert exported == {(START + timedelta(days=DAYS / 2)).date()}


def test_events_come_twice_and_late_as_often_as_stated(told):
    repeats = len(told.story.messages) - len(told.once)
    assert repeats / len(told.once) == pytest.approx(narrator.REPEATED, rel=0.2)
    late, newest = 0, START
    for event in told.once:
        late += moment(event) < newest - timedelta(minutes=30)
        newest = max(newest, moment(event))
    assert late / len(told.once) == pytest.approx(narrator.LATE, rel=0.2)


def test_junk_comes_as_often_as_stated(told):
    views = [event for event in told.once if event.get("kind") == "page_view" and event["page"]]
    junk = Counter(values(event, "login")[0] for event in views if "login" in event["identifiers"])
    assert set(junk) == {"null", "undefined"}
    assert junk.total() / len(views) == pytest.approx(JUNK, rel=0.3)
    written = {value for event in told.once for type_ in ("email", "phone") for value in values(event, type_)}
    assert {"test@test.com", "n/a", "0000000", "[object Object]"} <= written


def test_people_mistype_as_often_as_stated(told):
    names = {text(f"{given} {surname}").replace(" ", ".") for given in GIVEN for surname in SURNAMES}
    personal = re.compile(r"(\D+)\.\d+@")
    typed = [e for e in told.once if "kind" in e]
    locals_ = [m[1] for e in typed for v in values(e, "email") if (m := personal.match(v.strip().lower()))]
    surnames = [e["properties"]["name.surname"] for e in typed if "name.surname" in e["properties"]]
    wrong_mail = sum(name not in names for name in locals_)
    wrong_name = sum(name not in {*SURNAMES, "Customer"} for name in surnames)
    assert wrong_mail / len(locals_) == pytest.approx(MISTYPED, rel=0.3)
    assert wrong_name / len(surnames) == pytest.approx(MISTYPED, rel=0.3)


def test_spellings_vary(told):
    spelt = defaultdict(set)
    observer = Observer(rulefile.load(RULES))
    for event in told.once:
        for type_ in ("email", "phone"):
            for raw in values(event, type_):
                spelt[observer.identify(type_, raw)[0]].add(raw)
    several = Counter(identifier.type for identifier, raws in spelt.items() if len(raws) > 1)
    assert several["email"] > 500
    assert several["phone"] > 100


def test_newsletters_are_forwarded_now_and_then(told):
    clicks = [m for m in told.story.messages if m.event.get("outcome") == "click"]
    strangers = sum(m.truth != m.event["message_id"].rpartition("-")[0] for m in clicks)
    assert 0 < strangers <= 3 * FORWARDED * len(clicks)


def test_the_truth_is_of_what_was_seen_and_leaves_out_what_is_shared(told):
    assert told.story.truth.keys() <= told.facts.seen.keys() | told.facts.quarantined.keys()
    unowned = told.facts.seen.keys() - told.story.truth.keys()
    shared = {("cookie", CAFE), ("person", "customer|1900 01 01|zz1 1zz")}
    shared |= {("phone", phone) for _, phone in OFFICES} | {("email", OFFICES[-1][0])}
    assert shared <= unowned
    assert all(value.startswith(("tablet-", "+441632960", "+441632961")) for _, value in unowned - shared)


def test_the_rules_find_nearly_everyone_and_mix_up_few(told):
    found = measure((customer.members for customer in told.resolution.customers), told.story.truth)
    assert 0.99 <= found.precision < 1
    assert 0.9 <= found.recall < 1
    assert found.whole > 3 * found.split
    assert 0 < found.mixed < PEOPLE / 100


def test_every_rule_has_something_to_do(told):
    reasons = Counter(reason.rstrip("0123456789 ") for reason in told.resolution.quarantined.values())
    assert {"blocked: stands for no value", "blocked: by the rule for email"} <= set(reasons)
    hot = {i.type for i, reason in told.resolution.quarantined.items() if reason.startswith("hot")}
    assert hot == {"cookie", "email", "phone", "person"}
    refused = "\n".join({link.reason for link in told.resolution.rejected})
    for part in ("more than 1 login", "newest 1 login", "oldest 1", "it goes to nobody"):
        assert part in refused


def test_old_cookies_are_forgotten(story):
    _, after = resolved(story, later=400 * DAY)
    assert {member.type for customer in after.customers for member in customer.members}.isdisjoint({"cookie"})
    expired = {i.type for i, reason in after.quarantined.items() if reason.startswith("expired")}
    assert expired == {"cookie"}


def logins_met(told, type_, value):
    return {
        login
        for event in told.once
        if value in values(event, type_)
        for login in values(event, "login")
        if login.startswith("user-")
    }


def test_shared_cookies_do_not_merge_people(told):
    tablets = {c for e in told.once for c in values(e, "cookie") if c.startswith("tablet-")}
    crowded = [c for c in (*tablets, CAFE) if len(logins_met(told, "cookie", c)) > 1]
    assert len(crowded) > 5
    assert len(logins_met(told, "cookie", CAFE)) > 20
    for cookie in crowded:
        logins = logins_met(told, "cookie", cookie)
        assert len({told.home["login", login] for login in logins}) == len(logins)


@pytest.mark.parametrize(("email", "phone"), OFFICES)
def test_a_shared_office_address_and_switchboard_merge_nobody(told, email, phone):
    assert ("email", email.lower()) not in told.home
    assert ("phone", phone) not in told.home
    logins = logins_met(told, "email", email)
    assert len({told.home["login", login] for login in logins}) == len(logins) > 10
