"""`ucid batch`: land the log, rebuild the graph, publish a generation; once, or again and again."""

import argparse
import logging
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

from batch_layer import report
from batch_layer.alone import Busy
from batch_layer.run import run as run_batch
from batch_layer.session import is_submitted
from deploy import bootstrap
from deploy.commands.simulate import moment
from deploy.errors import InputError
from deploy.settings import Settings
from deploy.stopping import stop_on_signals
from identity import rulefile
from schemas.generation import path_of, pinned

log = logging.getLogger(__name__)

# What sysexits.h calls a failure that goes by itself: another run is at work.
BUSY = 75

# What the command ends with where a setting or a file cannot be used.
UNUSABLE = 2

_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument(
        "--rules", type=Path, metavar="FILE", help="from now on these rules; default: as before"
    )
    parser.add_argument(
        "--as-of", type=moment, metavar="T", help="when max_age is judged; default: the newest event"
    )
    parser.add_argument(
        "--full",
        action="store_true",
        help="compute everything anew; default: what new facts touch, where that is possible",
    )
    parser.add_argument(
        "--no-wait", action="store_true", help=f"end with code {BUSY} where another run is at work"
    )
    parser.add_argument(
        "--every",
        type=interval,
        metavar="TIME",
        help="run again and again, so long from start to start, such as 1h; SIGTERM ends it after the run",
    )


def run(options: argparse.Namespace) -> int:
    """Run once: 0 published, 1 failed, BUSY. With --every, what the last run ended with."""
    if options.rules is not None:
        rulefile.load(options.rules)
    if options.every is not None:
        return _again(options)
    rules = options.rules.read_text(encoding="utf-8") if options.rules is not None else None
    settings = Settings.load()
    try:
        manifest = run_batch(
            bootstrap.batch_job(settings),
            rules=rules,
            as_of=options.as_of,
            full=options.full,
            wait=not options.no_wait,
            progress=lambda text: print(text, file=sys.stderr, flush=True),
        )
    except Busy:
        print("another run is at work: nothing was done", file=sys.stderr)
        return BUSY
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in manifest.counts.items())
    print(f"generation {manifest.generation}: {counts}")
    for line in report.load(settings.generations, manifest.generation).lines():
        print(f"  {line}")
    print(f"  report: {path_of(settings.generations, manifest.generation) / report.PAGE}")
    held = pinned(settings.generations)
    if held is not None:
        print(f"  readers are held at generation {held}: 'ucid generations use newest' lets them on")
    return 0


def interval(text: str) -> float:
    """Seconds of a time such as 90s, 15m, 1h or 1d."""
    match = re.fullmatch(r"([1-9]\d*)([smhd])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write it as 90s, 15m, 1h or 1d")
    return float(int(match[1]) * _SECONDS[match[2]])


def _again(options: argparse.Namespace) -> int:
    if is_submitted():
        raise InputError("--every starts a process for each run: schedule spark-submit itself instead")
    if options.as_of is not None:
        raise InputError("--as-of is one moment, and --every has many: leave one of them out")
    # A process for each run: between two of them nothing holds memory, and what ends one ends only that.
    command = [sys.executable, "-m", "deploy", "batch", "--no-wait"]
    if options.rules is not None:
        command += ["--rules", str(options.rules)]
    if options.full:
        command.append("--full")
    return repeat(lambda: subprocess.run(command, check=False).returncode, options.every, stop_on_signals())


def repeat(
    once: Callable[[], int], every: float, stop: Event, clock: Callable[[], float] = time.monotonic
) -> int:
    """Call `once` at every turn until `stop` is set; returns what it returned last.

    A turn that comes while a run still works, ours or another's, is left out. What cannot be used ends it at
    once: it will not get better by itself.
    """
    begun = clock()
    code = 0
    while not stop.is_set():
        code = once()
        if code == UNUSABLE:
            return code
        if code == BUSY:
            log.warning("another run is at work: this one is left out")
        elif code:
            log.error("the run failed with code %d; the next one does what it would have done", code)
        turns = int((clock() - begun) // every) + 1
        stop.wait(begun + turns * every - clock())
    return 0 if code == BUSY else code
