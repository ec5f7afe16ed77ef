"""`ucid catalogue`: which source feeds what, how much of it is wrong, how fresh, and what is personal."""

import argparse
import time

import msgspec

from batch_layer.catalogue import Catalogue, Fed, catalogue
from deploy import bootstrap
from deploy.settings import Settings

_PERSONAL = {True: "personal", False: "not personal", None: ""}


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print the catalogue."""
    found = catalogue(bootstrap.batch_job(Settings.load()))
    print(msgspec.json.encode(found).decode() if options.json else "\n".join(lines(found, time.time_ns())))
    return 0


def lines(found: Catalogue, now: int) -> list[str]:
    """The catalogue as a person reads it; `now` is in nanoseconds."""
    told = [f"rules {found.fingerprint}, of generation {found.generation}"]
    for source in found.sources:
        whose = f" of {source.tenant}" if source.tenant else ""
        counts = f"{source.said} taken in, {source.wrong} refused, {_age(source.newest, now)}"
        told += ["", f"{source.name}{whose}: {counts}"]
        told += [_line(fed, now) for fed in (*source.identifiers, *source.attributes)]
    return told


def _line(fed: Fed, now: int) -> str:
    words = [", ".join(fed.used) if fed.used != ["none"] else "not used", _PERSONAL[fed.personal]]
    counts = f"{fed.said} said, {fed.wrong} wrong, {_age(fed.newest, now)}"
    return f"  {fed.name:<24} {'; '.join(word for word in words if word):<32} {counts}"


def _age(moment: int, now: int) -> str:
    """How long ago a moment was (microseconds), in days or less."""
    if not moment:
        return "never taken in"
    seconds = max(now // 1_000 - moment, 0) // 1_000_000
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"last {seconds // size} {unit} ago"
    return f"last {seconds} seconds ago"
