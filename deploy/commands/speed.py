"""`ucid speed`: a worker of the speed layer, until SIGTERM or SIGINT."""

import argparse
import gc
import signal
from threading import Event

from deploy import bootstrap
from deploy.settings import Settings


def configure(parser: argparse.ArgumentParser) -> None:
    """No arguments: everything is a setting."""
    del parser


def run(options: argparse.Namespace) -> int:
    """Work; a batch in hand is finished before leaving."""
    del options
    # Each batch makes a hundred thousand tuples and no cycle; looking for cycles in them took a quarter of
    # the time. What a library may leave is still collected, now and then.
    gc.set_threshold(1_000_000)
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    bootstrap.worker(Settings.load()).run(stop)
    return 0
