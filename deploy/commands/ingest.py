"""`ucid ingest [--topic web|email|consent] FILE…`: send events to Kafka, all of them or none of a file."""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from deploy import bootstrap
from deploy.files import opened
from deploy.sending import keying, send
from deploy.settings import Settings
from schemas import CONSENTS, EMAIL, WEB, Malformed, WrongLine, decode

_TOPICS = {"web": WEB, "email": EMAIL, "consent": CONSENTS}

# What is read from a pipe stays in memory up to here, and goes to a temporary file beyond.
_IN_MEMORY = 64 << 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument("--topic", choices=_TOPICS, default="web")
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="one JSON event a line; - for standard input"
    )


def run(options: argparse.Namespace) -> int:
    """Check each file from beginning to end before any of it is sent."""
    settings = Settings.load()
    producer, key = bootstrap.producer(settings), keying(settings.generations)
    topic = _TOPICS[options.topic]
    for name in options.files:
        with _rereadable(name) as stream:
            now = time.time_ns() // 1_000
            for number, line in lines(stream):
                try:
                    decode(topic, line, now)
                except Malformed as error:
                    raise WrongLine(
                        number, f"{name}: {error.reason}; nothing of this file was sent"
                    ) from None
            stream.seek(0)
            sent = send(producer, topic, (line for _, line in lines(stream)), key)
        print(f"{name}: {sent} events sent to {topic}", file=sys.stderr)
    return 0


def lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, with their numbers."""
    for number, line in enumerate(stream, 1):
        text = line.strip()
        if text:
            yield number, text


@contextmanager
def _rereadable(name: str) -> Iterator[IO[bytes]]:
    with opened(name) as stream:
        if stream.seekable():
            yield stream
        else:
            with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
                shutil.copyfileobj(stream, copy)
                copy.seek(0)
                yield copy
