"""What must be there in the end, worked out from what the broker acknowledged; and what is there."""

from typing import NamedTuple

from confluent_kafka import TopicPartition

from deploy import bootstrap
from deploy.bootstrap import PARTITIONS
from identity import Facts, Observer, resolve
from schemas import CHANGES, DEAD_LETTERS, Malformed, decode
from schemas.absorb import LOG, absorb, accept
from tests.integration.system import by_id


class Kept(NamedTuple):
    """A message as the broker has it."""

    topic: str
    partition: int
    offset: int
    ingested_at: int
    value: bytes


def read(settings, topics):
    """All that these topics hold at this moment."""
    consumer = bootstrap.consumer(settings, "account")
    try:
        yield from _read(consumer, [(topic, i) for topic in topics for i in range(PARTITIONS[topic])])
    finally:
        consumer.close()


def _read(consumer, partitions):
    bounds = {p: consumer.get_watermark_offsets(TopicPartition(*p), timeout=10) for p in partitions}
    consumer.assign([TopicPartition(*p, begin) for p, (begin, _) in bounds.items()])
    missing = sum(end - begin for begin, end in bounds.values())
    while missing:
        for message in consumer.consume(min(missing, 10_000), 10):
            assert message.error() is None, message.error()
            ingested_at = message.timestamp()[1] * 1_000
            kept = Kept(message.topic(), message.partition(), message.offset(), ingested_at, message.value())
            if kept.offset < bounds[kept.topic, kept.partition][1]:
                missing -= 1
                yield kept


class Said(NamedTuple):
    """What one pass over the log, without any server, says."""

    facts: Facts  # of one tenant
    refused: dict  # (topic, partition, offset) -> (bytes, reason)


def said(rules, log, tenant):
    """See Said."""
    observer, facts, refused = Observer(rules), Facts(), {}
    for kept in log:
        try:
            record = accept(kept.topic, kept.value, kept.ingested_at)
            absorb(record, observer, facts if record.tenant == tenant else Facts(), kept.ingested_at)
        except Malformed as error:
            refused[kept[:3]] = (kept.value or b"", error.reason)
    return Said(facts, refused)


def customers(facts, rules, minter, published):
    """Who is who: id -> members. `published` is what the generation that readers stand on handed on."""
    return by_id(resolve(facts, rules, minter=minter, published=published).customers)


def dead_letters(settings):
    """By origin; one that was told twice must have been told alike."""
    letters = {}
    for kept in read(settings, [DEAD_LETTERS]):
        letter = decode(DEAD_LETTERS, kept.value, 0)
        told = (letter.value, letter.reason)
        assert letters.setdefault((letter.topic, letter.partition, letter.offset), told) == told
    return letters


def fold(changes, before=()):
    """The customers that follow from changes, in the order given, to those before: id -> members."""
    owner = {tuple(member): customer.id for customer in before for member in customer.members}
    for change in changes:
        owner.update({(x.type, x.value): change.customer_id for x in change.identifiers})
    customers = {}
    for x, customer_id in owner.items():
        customers.setdefault(customer_id, set()).add(x)
    return {customer_id: frozenset(members) for customer_id, members in customers.items()}


def told(settings):
    """All changes, as they were sent."""
    return [decode(CHANGES, kept.value, 0) for kept in read(settings, [CHANGES])]


def by_version(changes):
    """Changes in the order that consumers can rely on, whoever sent them when."""
    return sorted({c.change_id: c for c in changes}.values(), key=lambda c: (c.generation, c.version))


def by_customer(changes):
    """Whom a customer ever gained: id -> identifiers."""
    gained = {}
    for change in changes:
        gained.setdefault(change.customer_id, set()).update((x.type, x.value) for x in change.identifiers)
    return gained


def ways(customers):
    """Pairs of an identifier and a customer that has it."""
    return {(x, customer_id) for customer_id, members in customers.items() for x in members}


def log(settings):
    """The log, in any order."""
    return list(read(settings, LOG))
