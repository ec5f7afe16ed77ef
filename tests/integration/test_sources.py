"""The contract with slow sources: stream and batch agree over the log and the records that stand."""

import json
import random
import time
from datetime import datetime

import pytest

from batch_layer import report
from batch_layer.parity import RECORDS
from batch_layer.run import run
from batch_layer.sources import definition
from batch_layer.sources.importing import Importer
from identity import Facts, Minter, Observer, resolve, rulefile
from schemas import WEB
from schemas.absorb import absorb, accept

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
        columns = ("at", "email", "phone", "surname", "born")
        lines = [
            ",".join(("id", *columns)),
            *(",".join([id_, *(row[c] for c in columns)]) for id_, row in rows.items()),
        ]
        path = self._folder / f"{time.time_ns()}.csv"
        path.write_text("\n".join(lines) + "\n")
        (report,) = self._importer.run(self._source, "default", [str(path)])
        assert not report.failures
        return report.totals


def reference(bronze, rows, as_of):
    """The partition that all facts amount to, without Spark and without the stream."""
    observer, facts = Observer(rulefile.parse(RULES)), Facts()
    for payload, ingested_at in bronze:
        absorb(accept(WEB, payload, ingested_at), observer, facts, ingested_at)
    for id_, row in rows.items():
        changed_at = int(datetime.fromisoformat(row["at"]).timestamp()) * 1_000_000
        named = {"crm": [id_], "email": [row["email"]], "phone": [row["phone"]]}
        named = {type_: values for type_, values in named.items() if values != [""]}
        attributes = {"surname": row["surname"], "born": row["born"]}
        observer.observe(facts, named, attributes, changed_at, INGESTED)
    rules = rulefile.parse(RULES)
    resolution = resolve(facts, rules, minter=Minter(b"reference"), as_of=as_of)
    return {frozenset(map(tuple, customer.members)) for customer in resolution.customers}


def test_stream_and_batch_agree_over_the_log_and_the_records(system, job, spark, tmp_path):
    rng = random.Random(5)
    slow = Slow(spark, system, tmp_path)
    log = []

    def send(count):
        some = list(events(rng, count, len(log)))
        log.extend((line, INGESTED) for line in some)
        system.send(some)

    def served():
        exported = system.export()
        return exported, set(exported.values())

    send(150)
    rows = customers(rng, range(60))
    assert slow.load(rows)["new"] == 60
    first = run(job)
    assert (first.loads, first.counts["rejects"]) == (1, 0)
    system.start_worker()
    system.await_generation(first.generation)
    assert served()[1] == reference(log, rows, first.as_of)
    send(150)
    system.await_applied()
    ids, partition = served()
    assert partition == reference(log, rows, first.as_of)

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
    assert (parity.why, parity.holds) == (None, True)
    assert second.loads == 2
    system.await_generation(second.generation)
    ids_after, partition = served()
    assert partition == reference(log, after, second.as_of)
    assert partition != reference(log, rows, second.as_of)
    same = {members: id_ for id_, members in ids.items() if members in partition}
    assert same
    assert {members: id_ for id_, members in ids_after.items() if members in same} == same
    assert not {member for members in partition for member in members} & {
        ("crm", id_) for id_ in set(rows) - set(after)
    }

    # Records that are new add to what is known.
    after |= customers(rng, range(100, 130), month=3)
    assert slow.load(after)["new"] == 30
    third = run(job)
    assert report.load(job.generations, third.generation).whole is None
    system.await_generation(third.generation)
    assert served()[1] == reference(log, after, third.as_of)
