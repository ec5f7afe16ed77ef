"""Whatever is sent: accepted + dead letters = sent, and the worker never stops."""

import random
import re

import pytest

from deploy.awaiting import until
from identity import Minter, rulefile
from schemas import DEAD_LETTERS, WEB, decode
from tests.faults import account
from tests.faults.bad import HUGE, NAMED, SECRET
from tests.faults.form import times
from tests.faults.fuzz import Fuzz

pytestmark = [pytest.mark.stack, pytest.mark.slow]

RULES = """
identifiers:
  login: {rank: 1, unique: true}
  email: {rank: 2, max: 5, normalise: email}
  phone: {rank: 3, normalise: phone, region: GB}
  cookie: {rank: 4, hot: 20}
match_keys:
  person: {rank: 3, from: [surname, born], hot: 4}
"""


def send(ground, messages):
    for topic, key, value in messages:
        while True:
            try:
                ground.producer.produce(topic, value, key)
                break
            except BufferError:
                ground.producer.poll(0.1)
    assert ground.producer.flush(60) == 0


def letters(ground):
    return [decode(DEAD_LETTERS, kept.value, 0) for kept in account.read(ground.settings, [DEAD_LETTERS])]


def origin(letter):
    return letter.topic, letter.partition, letter.offset


def test_what_is_refused_is_kept_with_its_origin_and_the_reason(ground):
    worker = ground.start_worker()
    send(ground, [(WEB, name.encode(), payload) for name, (payload, _) in NAMED.items()])
    until(lambda: ground.length(DEAD_LETTERS) == len(NAMED), "a dead letter of each")
    sent = {kept[:3]: kept.value for kept in account.log(ground.settings)}
    found = {letter.key.decode(): letter for letter in letters(ground)}
    for name, (payload, reason) in NAMED.items():
        letter = found[name]
        assert letter.value == payload == sent[origin(letter)], name
        assert re.search(reason, letter.reason), name
    assert worker.poll() is None


def test_fuzzed_messages(ground):
    worker = ground.start_worker()
    before = len(account.log(ground.settings))
    messages = Fuzz(random.Random(80)).messages(times(3_000, 100_000)) + [(WEB, None, HUGE)] * times(3, 10)
    send(ground, messages)
    ground.await_applied()
    log = account.log(ground.settings)
    assert len(log) == before + len(messages)

    rules, minter = rulefile.parse(RULES), Minter(ground.settings.id_key, ground.settings.tenant)
    said = account.said(rules, log, minter.tenant)
    kept = letters(ground)
    # Nothing failed, so nothing is told twice.
    assert len(kept) == len(said.refused) > len(log) / 5
    assert {origin(letter): (letter.value, letter.reason) for letter in kept} == said.refused
    assert not [x.reason for x in kept if SECRET in x.reason or not 5 < len(x.reason) < 300]
    assert len(said.facts.seen) > times(1_000, 2_500)
    assert ground.export() == account.customers(said.facts, rules, minter, ground.published)
    assert worker.poll() is None
