"""The proof after a fault: what readers see, and what was told, follows from what was acknowledged."""

from deploy.awaiting import until
from deploy.bootstrap import PARTITIONS
from identity import Minter, rulefile
from schemas import overlay
from schemas.absorb import LOG
from tests.faults import account
from tests.graph.published import built, entries, publish


def verify(ground, *, story="by version"):
    """Nothing acknowledged is lost, nothing is double, and every change was told.

    `story` is how what was told leads to who is who: "by version" applies the changes of a customer in the
    order of their versions. Where Redis lost data, it told some of what it lost for nothing, and versions
    began anew: "in order" applies them as they were sent, and "somehow" only looks for each identifier's way
    to its customer.
    """
    ground.await_applied()
    log = account.log(ground.settings)
    assert sorted(kept.value for kept in log) == sorted(ground.sent)
    rules, minter = _by(ground)
    said = account.said(rules, log, minter.tenant)
    customers = account.customers(said.facts, rules, minter, ground.published)
    assert ground.export() == customers
    assert account.dead_letters(ground.settings) == said.refused
    until(lambda: ground.redis.xlen(overlay.OUTBOX) == 0, "the changes to leave")
    told = account.told(ground.settings)
    if story == "somehow":
        assert account.ways(customers) <= account.ways(account.by_customer(told))
    else:
        assert account.fold(told if story == "in order" else account.by_version(told)) == customers


def publish_all(ground):
    """Generation 1, of all that was sent and is applied, as a batch would make it."""
    rules, minter = _by(ground)
    offsets = ground.offsets()
    known = account.said(rules, account.log(ground.settings), minter.tenant).facts
    view, ground.published = built(known, rules, minter)
    publish(
        ground.settings.generations,
        entries(view, ground.settings.tenant),
        rules=ground.rules,
        fingerprint=rules.fingerprint,
        offsets={
            topic: {i: offsets[overlay.partition_field(topic, i)] for i in range(PARTITIONS[topic])}
            for topic in LOG
        },
    )


def _by(ground):
    return rulefile.parse(ground.rules), Minter(ground.settings.id_key, ground.settings.tenant)
