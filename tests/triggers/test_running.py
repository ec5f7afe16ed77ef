"""`ucid triggers` on real servers: killed, restarted, refused; nothing is lost, and repetitions are known."""

import json
import random
import subprocess
import sys
import time

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.awaiting import until
from deploy.commands.dead_letters import origin
from schemas import CONSENTS, DEAD_LETTERS, EMAIL, TOPICS, TRIGGERS_DUE, WEB, CustomerTrigger, decode
from schemas.generation import path_of
from schemas.turned import Turn, Turned, write
from speed_layer.triggers.app import group
from speed_layer.triggers.webhook import headers
from tests.triggers.conftest import KEY, Reader, Running

RULES = """
identifiers:
  login: {rank: 1, unique: true}
  email: {rank: 2, normalise: email, max: 5}
  cookie: {rank: 9, max: 50}
segments:
  subscribers: {events: [{web: {kind: sign_up}}], consents: [{purpose: letters, channel: email}]}
"""
TRIGGERS = """
triggers:
  new_device:
    when: {{change: {{gained: cookie, known_by: [login, email]}}}}
  abandoned:
    when: {{web: {{kind: basket}}}}
    unless: {{web: {{kind: purchase}}}}
    within: 20s
  left:
    when: {{web: {{kind: sign_out}}}}
  asked:
    when: {{web: {{kind: ask}}}}
    purpose: marketing
    channel: email
  subscribed:
    when: {{segment: {{joined: subscribers}}}}
    purpose: letters
    channel: email
  resigned:
    when: {{segment: {{left: subscribers}}}}
  bounced:
    when: {{email: {{outcome: hard_bounce}}}}
    webhook: {url}/bounced
  complained:
    when: {{email: {{outcome: complaint}}}}
    webhook: {url}/complained
"""
CUSTOMERS = 200
KILLS = 2

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def web(event_id, kind, consent=None, **identifiers):
    event = {"event_id": event_id, "occurred_at": now(), "kind": kind, "identifiers": identifiers}
    return json.dumps(event | {"consent": consent or {}}).encode()


def mail(event_id, outcome, address):
    event = {
        "event_id": event_id,
        "occurred_at": now(),
        "outcome": outcome,
        "identifiers": {"email": address},
    }
    return json.dumps(event).encode()


@pytest.fixture(scope="module")
def running(system, receiver, tmp_path_factory):
    home = tmp_path_factory.mktemp("triggers")
    file = home / "triggers.yaml"
    file.write_text(TRIGGERS.format(url=receiver.url))
    system.start_worker()
    running = Running(system, file, home / "triggers.log")
    running.start()
    yield running
    running.close()


def customer(system, **identifiers):
    (found,) = system.view.lookup(list(identifiers.items())).found
    return found.customer.id


def test_a_known_customer_on_a_new_device_and_a_basket_that_is_left(system, running):
    for partition in range(TOPICS[WEB].partitions):  # what is no event, and larger than one fetch
        system.producer.produce(WEB, bytes(2 << 20), partition=partition)
    system.send([web("d1", "page_view", login="tom", cookie="t1")])
    system.send([web("d2", "basket", cookie="t1"), web("d3", "basket", cookie="unknown to all")])
    system.await_applied()
    system.send([web("d4", "basket", login="ann", cookie="a1"), web("d5", "login", login="tom", cookie="t2")])
    system.send([web("d6", "purchase", login="ann")])

    (device,) = running.await_told("new_device", ["d5"])
    assert device.customer_id == customer(system, login="tom")
    left = running.await_told("abandoned", ["d2", "d3"])
    assert {told.cause.event_id: told.customer_id for told in left} == {
        "d2": device.customer_id,
        "d3": customer(system, cookie="unknown to all"),
    }
    assert all(told.at < time.time_ns() // 1_000 for told in left)


def test_a_basket_is_the_survivors_and_a_merge_is_no_new_device(system, running):
    for name in ("eve", "zoe"):
        system.send([web(f"m-{name}-1", "login", login=name, cookie=f"{name}-phone")])
        system.send([web(f"m-{name}-2", "form", email=f"{name}@example.com", cookie=f"{name}-laptop")])
    system.await_applied()
    before = {name: customer(system, cookie=f"{name}-laptop") for name in ("eve", "zoe")}
    system.send([web(f"m-{name}-3", "basket", cookie=f"{name}-laptop") for name in ("eve", "zoe")])
    running.await_all_committed()
    system.send(
        [web(f"m-{name}-4", "form", login=name, email=f"{name}@example.com") for name in ("eve", "zoe")]
    )
    system.await_applied()
    system.send([web("m-eve-5", "purchase", cookie="eve-phone")])

    left = running.await_told("abandoned", ["m-zoe-3"])
    assert [told.cause.event_id for told in left if told.cause.event_id.startswith("m-")] == ["m-zoe-3"]
    (told,) = [told for told in left if told.cause.event_id == "m-zoe-3"]
    assert told.customer_id == customer(system, login="zoe") == customer(system, cookie="zoe-laptop")
    # What is told of here was made from a visitor's id and a customer's, one of which is gone.
    assert len({*before.values(), customer(system, login="eve"), told.customer_id}) >= 2
    assert not [told for told in running.told("new_device") if told.cause.event_id.startswith("m-")]


def test_what_waits_survives_a_crash(system, running):
    system.send([web("c1", "basket", cookie="c1")])
    running.await_all_committed()
    assert not [told for told in running.told("abandoned") if told.cause.event_id == "c1"]
    running.kill()
    # Nothing is left to be read of it but the changelog.
    running.start()
    running.await_told("abandoned", ["c1"])


@pytest.mark.usefixtures("running")
def test_a_receiver_that_fails_at_first(system, receiver):
    receiver.statuses["/bounced"] = [503, 500]
    system.send([web("w0", "form", login="wim", email="wim@example.com")])
    system.send([mail("w1", "hard_bounce", "wim@example.com")], EMAIL)
    until(lambda: receiver.taken("/bounced"), "the receiver to take it")
    posts = receiver.posts_to("/bounced")
    assert [post.status for post in posts] == [503, 500, 200]
    assert len({(post.headers["webhook-id"], post.body) for post in posts}) == 1
    told = json.loads(posts[-1].body)
    assert (told["trigger"], told["customer_id"]) == ("bounced", customer(system, login="wim"))
    assert b"wim" not in posts[-1].body
    for post in posts:
        sent_at = int(post.headers["webhook-timestamp"])
        assert abs(sent_at - time.time()) < 300
        signed = headers(KEY, told["trigger_id"], sent_at, post.body)
        assert {name: post.headers[name] for name in signed} == signed


@pytest.mark.usefixtures("running")
def test_a_receiver_that_refuses_and_another_try(system, receiver):
    receiver.statuses["/complained"] = [410]
    system.send([mail("w2", "complaint", "wim@example.com")], EMAIL)
    reader = Reader(system.settings, DEAD_LETTERS)

    def letters():
        return [letter for letter in reader.all() if letter.topic == TRIGGERS_DUE]

    until(letters, "a dead letter")
    (letter,) = letters()
    reader.close()
    assert letter.reason == ("webhook of complained on 127.0.0.1: HTTP 410: mend the receiver, then replay")
    fired = decode(letter.topic, letter.value, 0)
    assert isinstance(fired, CustomerTrigger)
    assert not receiver.taken("/complained")

    replay = [sys.executable, "-m", "deploy", "dead-letters", "replay", origin(letter)]
    subprocess.run(replay, env=system.env, check=True, capture_output=True)
    until(lambda: receiver.taken("/complained"), "the receiver to take it")
    refused, taken = receiver.posts_to("/complained")
    assert refused.headers["webhook-id"] == taken.headers["webhook-id"] == fired.trigger_id


def test_killed_again_and_again_nothing_is_lost_and_repetitions_are_known(system, running):
    rng = random.Random(7)
    names = [f"k{i}" for i in range(CUSTOMERS)]
    bought = set(rng.sample(names, CUSTOMERS // 3))
    system.send([web(f"{name}-0", "page_view", login=name, cookie=name) for name in names])
    system.await_applied()
    share = CUSTOMERS // KILLS
    running.start()  # two share the work from here on
    for i in range(KILLS):
        some = names[i * share : (i + 1) * share]
        seen = len(running.told("left"))
        system.send([web(f"{name}-1", "basket", cookie=name) for name in some])
        system.send([web(f"{name}-2", "purchase", login=name) for name in some if name in bought])
        system.send([web(f"{name}-3", "sign_out", cookie=name) for name in some])
        # Somewhere between "has begun" and "is nearly done" with what was just sent.
        goal = seen + rng.randrange(1, share // 2)
        until(lambda goal=goal: len(running.told("left")) >= goal, f"kill {i}: {goal} to be told")
        running.kill()
        running.start()
    running.await_told("left", [f"{name}-3" for name in names])
    baskets = running.await_told("abandoned", [f"{name}-1" for name in names if name not in bought])
    assert not {f"{name}-1" for name in bought} & {told.cause.event_id for told in baskets}
    check_repetitions(running.told())


def check_repetitions(told):
    """One key for one trigger, customer and event, and all else the same too."""
    by_id = {}
    for one in told:
        assert by_id.setdefault(one.trigger_id, one) == one
    assert len({(one.trigger, one.customer_id, one.cause.event_id) for one in told}) == len(by_id)


def test_no_identifier_is_logged(running):
    until(lambda: "following the log" in running.log, "the app to write its log")
    for value in ("example.com", "wim", "zoe", "laptop"):
        assert value not in running.log


def test_consent_is_asked_for_at_the_moment_of_sending(system, running):
    def ask(event_id, who, consent=None):
        system.send([web(event_id, "ask", consent, email=f"{who}@example.com")])
        system.await_applied()

    ask("ask-1", "silent")
    ask("ask-2", "willing", {"marketing": True})
    assert "ask-2" in {told.cause.event_id for told in running.await_told("asked", ["ask-2"])}
    system.send([mail("stop-1", "unsubscribe", "willing@example.com")], EMAIL)
    system.await_applied()
    ask("ask-3", "willing")
    ask("ask-4", "other", {"Marketing": True})
    running.await_told("asked", ["ask-4"])
    running.await_all_committed()
    assert {told.cause.event_id for told in running.told("asked")} == {"ask-2", "ask-4"}


def word(consent_id, status, address):
    said = {"consent_id": consent_id, "stated_at": now(), "status": status, "purpose": "letters"}
    return json.dumps(said | {"identifiers": {"email": address}}).encode()


def test_who_comes_into_a_segment_and_leaves_it_is_told_of_once(system, running):
    system.send([web("s1", "sign_up", login="sue", email="sue@example.com")])
    system.send([web("s0", "sign_out", login="sue")])
    running.await_told("left", ["s0"])
    running.await_all_committed()
    system.send([word("s2", "granted", "sue@example.com")], CONSENTS)
    (came,) = running.await_told("subscribed", ["s2"])
    assert came.customer_id == customer(system, login="sue")
    system.send([web("s3", "sign_up", login="sue"), web("s4", "form", login="sue", cookie="sue")])
    system.await_applied()
    running.await_all_committed()
    system.send([word("s5", "withdrawn", "sue@example.com")], CONSENTS)
    (went,) = running.await_told("resigned", ["s5"])
    assert went.customer_id == came.customer_id
    running.await_all_committed()
    assert {told.trigger_id for told in running.told("subscribed")} == {came.trigger_id}
    check_repetitions(running.told())


def test_whom_a_generation_turned_is_told_of_under_one_id(system, running):
    system.send([web("t1", "form", login="tea")])
    system.await_applied()
    turn = Turn("default", customer(system, login="tea"), was=("subscribers",), is_=())
    changed = Turned(at=time.time_ns() // 1_000, before=-1, offsets={}, rows=[turn])
    write(path_of(system.settings.generations, 0), changed)
    for _ in range(2):
        running.kill()
        running.start()
        told = running.await_told("resigned", ["generation-0"])
        running.await_all_committed()
    (one,) = {each.trigger_id: each for each in told if each.cause.event_id == "generation-0"}.values()
    assert (one.customer_id, one.cause.topic) == (turn.customer_id, "generation")


def test_a_replay_of_the_whole_log_says_nothing_new(system, running):
    running.await_all_committed()
    before = running.told()
    while running.processes:
        assert running.end() == 0, running.log
    admin = AdminClient({"bootstrap.servers": system.settings.kafka})
    begin = [TopicPartition(t, p, 0) for t in (WEB, EMAIL) for p in range(TOPICS[t].partitions)]
    moved = admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(group("default"), begin)])
    moved[group("default")].result(30)
    running.start()
    again = {one.cause.event_id for one in before if one.trigger == "left"}
    until(lambda: len(running.told("left")) >= 2 * len(again), "all to be told again")
    running.await_all_committed()
    after = running.told()
    assert {one.trigger_id for one in after} == {one.trigger_id for one in before}
