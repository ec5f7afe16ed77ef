"""`ucid dead-letters list|show|replay`: what was refused, why, and another try."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, TopicPartition

from deploy import bootstrap
from deploy.errors import InputError
from deploy.printing import print_line
from deploy.sending import send
from deploy.settings import Settings
from identity import Observer, rulefile
from schemas import DEAD_LETTERS, EMAIL, DeadLetter, Malformed, decode, encode_json
from schemas.generation import open_generation, wanted
from schemas.striking import rewritten
from speed_layer.webhooks.receiver import ORIGIN as WEBHOOKS

if TYPE_CHECKING:
    from speed_layer.webhooks.endpoints import Endpoints

_PATIENCE = 10.0  # seconds for the broker to answer


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", help="one JSON object a line, without the messages themselves")
    show = actions.add_parser("show", help="print one message's bytes as they came")
    show.add_argument("origin", metavar="TOPIC:PARTITION:OFFSET")
    replay = actions.add_parser("replay", help="send messages to their topic again, as they came")
    replay.add_argument("origin", metavar="TOPIC:PARTITION:OFFSET", nargs="*", help="which; default: all")


def run(options: argparse.Namespace) -> int:
    """List, show or replay. Raises InputError for an origin that no dead letter has."""
    settings = Settings.load()
    letters = {origin(letter): letter for letter in read(bootstrap.consumer(settings, "ucid-dead-letters"))}
    if options.action == "list":
        for name, letter in letters.items():
            print_line({"origin": name, "bytes": len(letter.value), "reason": letter.reason})
        return 0
    wanted = [options.origin] if options.action == "show" else options.origin or list(letters)
    if unknown := [name for name in wanted if name not in letters]:
        raise InputError(f"no dead letter came from {unknown[0]}: 'ucid dead-letters list' names them all")
    if options.action == "show":
        sys.stdout.buffer.write(letters[options.origin].value)
        return 0
    return _replay(settings, [letters[name] for name in wanted])


def _replay(settings: Settings, letters: Sequence[DeadLetter]) -> int:
    """Send messages again; 1 where one of them cannot be. Raises InputError."""
    producer = bootstrap.producer(settings)
    endpoints = cache(lambda: bootstrap.endpoints(settings))  # asked for where one came by a webhook
    struck = _striker(settings)
    sent = left = 0
    for letter in letters:
        if not letter.topic.startswith(WEBHOOKS):
            sent += send(producer, letter.topic, [struck(letter.topic, letter.value, letter.ingested_at)])
            continue
        try:
            events = events_of(endpoints(), letter)
            sent += send(producer, EMAIL, [struck(EMAIL, event, letter.ingested_at) for event in events])
        except Malformed as error:
            print(f"{origin(letter)} still cannot be read: {error}", file=sys.stderr)
            left += 1
    print(f"{sent} messages sent again", file=sys.stderr)
    return 1 if left else 0


def _striker(settings: Settings) -> Callable[[str, bytes, int], bytes]:
    """What a message says of those who were not erased since it came: it would count as new."""
    number = wanted(settings.generations)
    erased = bootstrap.ledger(settings, "ucid-dead-letters").tombstones
    if number is None or not erased:
        return lambda _, value, __: value
    rules = open_generation(settings.generations, number).manifest.rules
    observer = Observer(rulefile.parse(rules, source="the generation's rules"))

    def struck(topic: str, value: bytes, at: int) -> bytes:
        left = rewritten(topic, value, at, observer, erased, {})
        return value if left is None else left

    return struck


def events_of(endpoints: "Endpoints", letter: DeadLetter) -> list[bytes]:
    """What a letter says that came by a webhook, as its endpoint reads it now. Raises Malformed."""
    endpoint = endpoints.get(letter.topic.removeprefix(WEBHOOKS))
    if endpoint is None:
        raise Malformed("no endpoint has this name any more")
    return [encode_json(event) for event in endpoint.events(letter.value, letter.ingested_at)]


def origin(letter: DeadLetter) -> str:
    """Where a letter's message stands in the log; a letter that was sent twice has one origin."""
    return f"{letter.topic}:{letter.partition}:{letter.offset}"


def read(consumer: Consumer) -> Iterator[DeadLetter]:
    """All dead letters there are at this moment, oldest first."""
    begin, end = consumer.get_watermark_offsets(TopicPartition(DEAD_LETTERS, 0), timeout=_PATIENCE)
    consumer.assign([TopicPartition(DEAD_LETTERS, 0, begin)])
    try:
        at = begin
        while at < end:
            message = consumer.poll(_PATIENCE)
            if message is None or message.error() is not None:
                raise InputError(f"Kafka stopped answering at dead letter {at} of {end}: try again")
            value, offset = message.value(), message.offset()
            assert isinstance(value, bytes), "we write no empty letters"
            assert offset is not None, "true of every message"
            letter = decode(DEAD_LETTERS, value, 0)
            assert isinstance(letter, DeadLetter), "the topic carries nothing else"
            yield letter
            at = offset + 1
    finally:
        consumer.close()
