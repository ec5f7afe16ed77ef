"""The contract with slow sources: stream and batch agree over the log and the records that stand."""

import json
import random
import time
from collections import Counter
from datetime import datetime

import pytest

from batch_layer import report
from batch_layer.parity import RECORDS
from batch_layer.run import run
from batch_layer.sources import definition
from batch_layer.sources.importing import Importer
from identity import Facts, Identifier, Minter, Observer, resolve, rulefile
from identity.consent import Statement, permission
from identity.facts import FUTURE
from identity.reference import permits
from schemas import WEB
from schemas.absorb import absorb, accept
from schemas.stated import stated
from serving_layer.permissions import check_customers
from serving_layer.statements import history

RULES = """
identifiers:
  login: {rank: 1, unique: true}
  crm:   {rank: 2, max: 3}
  email: {rank: 3, normalise: email, max: 4}
  phone: {rank: 4, max: 3, hot: 6}
match_keys:
  person: {rank: 5, hot: 6, from: [surname: metaphone, born]}
"""
SOURCE = """
source: crm
format: csv
export: full
record_id: id
changed_at: at
identifiers: {crm: id, email: email, phone: phone}
attributes: {surname: surname, born: born}
consents:
  - {purpose: Letters, channel: email, status: {column: letters, granted: [Y], withdrawn: [N]}}
  - {purpose: calls, status: {column: calls, granted: [opt_in], withdrawn: [opt_out]}, stated_at: calls_at}
stop_when: {ended: 50%}
"""
# When all was taken in, for the reference: it decides names, which are not compared with it.
INGESTED = 1_800_000_000_000_000
SURNAMES = ("Smith", "Smyth", "Meyer", "Maier", "Lee")

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def events(rng, count, first):
    for i in range(first, first + count):
        person = rng.randrange(40)
        named = {"login": f"l{person}", "email": f"P{person}@example.com", "phone": f"t{rng.randrange(60)}"}
        event = {
            "event_id": f"e{i}",
            "occurred_at": f"2026-01-{rng.randrange(1, 28):02}T08:00:00Z",
            "identifiers": {type_: value for type_, value in named.items() if rng.random() < 0.6},
        }
        if rng.random() < 0.3:
            event["properties"] = {"surname": rng.choice(SURNAMES), "born": f"19{person:02}-01-01"}
        if rng.random() < 0.4:
            event["consent"] = {rng.choice(["letters", "calls"]): rng.random() < 0.7}
        yield json.dumps(event).encode()


def customers(rng, ids, month=1):
    """Records as they stand in the slow system: id -> row."""
    return {
        f"r{i}": {
            "at": f"2026-{month:02}-{rng.randrange(1, 28):02}T00:00:00Z",
            "email": rng.choice(["", f"p{rng.randrange(40)}@example.com"]),
            "phone": rng.choice(["", f"t{rng.randrange(60)}"]),
            "surname": rng.choice(SURNAMES),
            "born": f"19{rng.randrange(40):02}-01-01",
            "letters": rng.choice(["", "Y", "Y", "N"]),
            "calls": rng.choice(["", "opt_in", "opt_in", "opt_out"]),
            "calls_at": f"2026-01-{rng.randrange(1, 28):02}T00:00:00Z",
        }
        for i in ids
    }


class Slow:
    """The slow system: exports all of its records, and the facts that they amount to."""

    def __init__(self, spark, system, folder):
        self._source = definition.parse(SOURCE)
        self._folder = folder
        self._importer = Importer(
            lambda: spark, system.settings.delta, lambda: time.time_ns() // 1_000, lambda _: None
        )

    def load(self, rows):
        columns = ("at", "email", "phone", "surname", "born", "letters", "calls", "calls_at")
        lines = [
            ",".join(("id", *columns)),
            *(",".join([id_, *(row[c] for c in columns)]) for id_, row in rows.items()),
        ]
        path = self._folder / f"{time.time_ns()}.csv"
        path.write_text("\n".join(lines) + "\n")
        (report,) = self._importer.run(self._source, "default", [str(path)])
        assert not report.failures
        return report.totals


def micros(text):
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def stated_by(rows, observer, *, withdrawals):
    """What records say: all of it, or their withdrawals alone, of versions that were replaced."""
    for id_, row in rows.items():
        named = {"crm": [id_], "email": [row["email"]], "phone": [row["phone"]]}
        named = {type_: values for type_, values in named.items() if values != [""]}
        about = observer.observe(Facts(), named, {n: row[n] for n in ("surname", "born")}, 0, 0)
        for purpose, channel, said, at in (
            ("letters", "email", row["letters"], row["at"]),
            ("calls", "", row["calls"], row["calls_at"]),
        ):
            if said in {"N", "opt_out"} or (said and not withdrawals):
                word = Statement(micros(at), said in {"N", "opt_out"}, source="crm", proof=id_)
                yield from ((x, permission(purpose, channel), word) for x in about)


def permitted(bronze, rows, former):
    """(identifier, permission, statement) of all that counts, by messages and records."""
    observer, said = Observer(rulefile.parse(RULES)), []
    for payload, ingested_at in bronze:
        event = accept(WEB, payload, ingested_at)
        about = absorb(event, observer, Facts(), ingested_at)
        words = stated(event, rulefile.parse(RULES), ingested_at).items()
        said += [(x, *word) for x in about for word in words]
    said += stated_by(rows, observer, withdrawals=False)
    for old in former:
        said += stated_by(old, observer, withdrawals=True)
    return said


def reference(bronze, rows, as_of):
    """The partition that all facts amount to, without Spark and without the stream."""
    observer, facts = Observer(rulefile.parse(RULES)), Facts()
    for payload, ingested_at in bronze:
        absorb(accept(WEB, payload, ingested_at), observer, facts, ingested_at)
    for id_, row in rows.items():
        changed_at = micros(row["at"])
        named = {"crm": [id_], "email": [row["email"]], "phone": [row["phone"]]}
        named = {type_: values for type_, values in named.items() if values != [""]}
        attributes = {"surname": row["surname"], "born": row["born"]}
        observer.observe(facts, named, attributes, changed_at, INGESTED)
    rules = rulefile.parse(RULES)
    resolution = resolve(facts, rules, minter=Minter(b"reference"), as_of=as_of)
    return {frozenset(map(tuple, customer.members)) for customer in resolution.customers}


def permits_as_said(system, log, rows, former=()):
    """What readers are told of every customer is what the messages and records amount to; counts it."""
    said, found = permitted(log, rows, former), []
    ids = {id_: [Identifier(*x) for x in members] for id_, members in system.export().items()}
    now = time.time_ns() // 1_000
    for about in (permission("letters", "email"), permission("calls", "sms"), permission("letters")):
        told = system.view.ask(check_customers("default", list(ids), about, now)).found
        assert [(one.status, one.reason) for one in told] == [
            permits(said, members, about, now)[:2] for members in ids.values()
        ]
        found += [one.status for one in told]
    return Counter(found)


def served(system):
    exported = system.export()
    return exported, set(exported.values())


def granted_before(system, rows):
    """The grants of records that the history of those who are known still tells."""
    view = system.view
    for record in rows:
        told = view.ask(history(view.generations.current, "default", ("crm", record)))
        for _, (_, word) in told.said:
            if word.source == "crm" and not word.withdrawn and word.valid_until < FUTURE:
                yield word


def test_stream_and_batch_agree_over_the_log_and_the_records(system, job, spark, tmp_path):
    rng = random.Random(5)
    slow = Slow(spark, system, tmp_path)
    log = []

    def send(count):
        some = list(events(rng, count, len(log)))
        log.extend((line, INGESTED) for line in some)
        system.send(some)

    send(150)
    rows = customers(rng, range(60))
    assert slow.load(rows)["new"] == 60
    first = run(job)
    assert (first.loads, first.counts["rejects"]) == (1, 0)
    system.start_worker()
    system.await_generation(first.generation)
    assert served(system)[1] == reference(log, rows, first.as_of)
    assert set(permits_as_said(system, log, rows)) == {"allowed", "denied", "unknown"}
    send(150)
    system.await_applied()
    ids, partition = served(system)
    assert partition == reference(log, rows, first.as_of)
    before = permits_as_said(system, log, rows)

    # Records that changed replace what they said, records that are gone end, all others count once.
    changed = customers(rng, [*range(10), *range(60, 70)], month=2)
    after = {id_: row for id_, row in rows.items() if id_ not in list(rows)[20:30]} | changed
    totals = slow.load(after)
    assert [totals[name] for name in ("new", "replaced", "unchanged", "ended")] == [10, 10, 40, 10]
    second = run(job)
    found = report.load(job.generations, second.generation)
    assert found.whole == "records of slow sources were replaced or have ended"
    parity = found.parity
    assert parity.causes[RECORDS] > 0, "the stream has no records"
    assert parity.said_causes[RECORDS] > 0, "nor what they state"
    assert (parity.why, parity.holds) == (None, True)
    assert second.loads == 2
    system.await_generation(second.generation)
    ids_after, partition = served(system)
    assert partition == reference(log, after, second.as_of)
    assert partition != reference(log, rows, second.as_of)
    assert permits_as_said(system, log, after, [rows]) != before
    same = {members: id_ for id_, members in ids.items() if members in partition}
    assert {members: id_ for id_, members in ids_after.items() if members in same} == same != {}
    assert not {member for members in partition for member in members} & {
        ("crm", id_) for id_ in set(rows) - set(after)
    }

    # Records that are new add to what is known.
    newest = after
    after = after | customers(rng, range(100, 130), month=3)
    assert slow.load(after)["new"] == 30
    third = run(job)
    assert report.load(job.generations, third.generation).whole is None
    system.await_generation(third.generation)
    assert served(system)[1] == reference(log, after, third.as_of)
    assert permits_as_said(system, log, after, [rows, newest])
    assert any(granted_before(system, rows)), "what a record granted is told when it no longer does"
