"""Is what is visible right? The served view against `identity.resolve` over the log itself."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from confluent_kafka import TopicPartition

from benchmarks.speed.errors import Broken
from benchmarks.speed.private_stack import PrivateStack
from deploy import bootstrap
from identity import Facts, Identifier, Minter, Observer, resolve, rulefile
from schemas.absorb import LOG, absorb, accept
from schemas.generation import open_generation

_TOGETHER = 10_000  # messages asked for at a time


class Expected(NamedTuple):
    """What follows from a log."""

    customers: Mapping[str, frozenset[Identifier]]
    identifiers: int
    links: int


def expect(stack: PrivateStack) -> Expected:
    """Resolve the log as a whole."""
    generations = stack.settings.generations
    rules = rulefile.parse(open_generation(generations, 0).manifest.rules, source="the generation's rules")
    facts = _facts(stack, Observer(rules))
    resolution = resolve(facts, rules, minter=Minter(stack.settings.id_key))
    customers = {customer.id: frozenset(customer.members) for customer in resolution.customers}
    return Expected(customers, len(facts.seen), len(facts.links))


def compare(stack: PrivateStack, expected: Expected) -> None:
    """Every customer, with its id, against what is served. Raises Broken where they differ."""
    served = 0
    for customer in bootstrap.serving_view(stack.settings).customers():
        served += 1
        if expected.customers.get(customer.id) != frozenset(customer.members):
            raise Broken(f"{customer.id} is served with other identifiers than follow from the log")
    if served != len(expected.customers):
        raise Broken(f"{served} customers are served, and {len(expected.customers)} follow from the log")


def _facts(stack: PrivateStack, observer: Observer) -> Facts:
    facts = Facts()
    for topic, value, at in _log(stack):
        absorb(accept(topic, value, at), observer, facts, at)
    return facts


def _log(stack: PrivateStack) -> Iterator[tuple[str, bytes | None, int]]:
    """Topic, payload and append time (microseconds) of every message."""
    left = sum(stack.end().values())
    consumer = bootstrap.consumer(stack.settings, "ucid-bench-verdict")
    consumer.assign(
        [TopicPartition(topic, p, 0) for topic in LOG for p in range(bootstrap.PARTITIONS[topic])]
    )
    try:
        while left:
            for message in consumer.consume(_TOGETHER, 10):
                yield str(message.topic()), _value(message.value()), 1000 * message.timestamp()[1]
                left -= 1
    finally:
        consumer.close()


def _value(value: bytes | str | None) -> bytes | None:
    assert not isinstance(value, str), "we ask for bytes"
    return value
