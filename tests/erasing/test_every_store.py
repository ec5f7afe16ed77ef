"""People are erased from a whole system; then every store is read, byte by byte."""

import pytest

from batch_layer.run import run
from deploy.awaiting import until
from tests.erasing.needles import Needles
from tests.erasing.people import Person, SlowSource
from tests.erasing.stores import rewrite, scan
from tests.faults.form import times
from tests.faults.web import Web

pytestmark = [pytest.mark.stack, pytest.mark.slow]

GONE, STAY = times(20, 1_000), 20


def needles_of(ground, people):
    needles = Needles(ground.settings.id_key)
    for number, person in enumerate(people):
        for token in person.tokens:
            needles.token(number, token)
        for x in person.identifiers:
            needles.identifier(number, *x)
    return needles


import time
T0=time.time()
def say(*a): print(f"{time.time()-T0:.0f}s", *a, flush=True)

def test_it(ground, job, spark, tmp_path):
    gone, stay = [Person() for _ in range(GONE)], [Person() for _ in range(STAY)]
    needles = needles_of(ground, gone)
    source = SlowSource(spark, ground.settings, tmp_path)
    web = Web(ground, "erase")
    ground.start_worker()
    for person in gone + stay:
        ground.give(person.messages())
    rows = [person.record() for person in gone + stay]
    rows += [(p.card + "x", *p.record()[1:4], "never", p.town) for p in gone]  # refused
    say('given'); say(source.load(rows))
    run(job, progress=say); say('run 1')
    ground.await_generation(1)
    say('up'); web.start(); say('web')
    ground.give([m for p in gone for m in p.messages()])
    ground.await_applied()
    say('applied'); time.sleep(3)
    rewrite(ground.redis)
    say('scanning'); found = scan(ground, needles)
    for store, forms in sorted(found.items()):
        print(store, {f: len(p) for f, p in forms.items()})
    say("erase")
    receipts = [web.post("/v1/erasures", {"type": "login", "value": p.login}) for p in gone]
    until(lambda: all(r is None for r in web.ask([x for p in gone[:100] for x in p.identifiers])["results"]), "gone", 30)
    print("AFTER")
    for n in (2, 3):
        say("run"); run(job, progress=say)
        ground.await_generation(n)
        rewrite(ground.redis)
        say("gen", n)
        for store, forms in sorted(scan(ground, needles).items()):
            print(store, {f: len(p) for f, p in forms.items()})
        for line in web.post("/v1/erasures/receipt", receipts[-1])["stores"]: print(line)
    web.kill()
