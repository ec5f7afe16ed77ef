"""`ucid simulate RULES.yaml EVENTS.jsonl [--as-of T]`: resolution alone, with no server."""

import argparse
import gc
import sys
from datetime import datetime
from pathlib import Path

import msgspec

from deploy.files import opened
from identity import Customer, Facts, Identifier, Minter, Observer, Resolution, resolve, rulefile
from schemas import Malformed, WrongLine, read_lines
from schemas.absorb import absorb

# A simulation's ids need no secret: they name customers within one output.
_KEY = b"ucid simulate"


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument("rules", type=Path, metavar="RULES.yaml")
    parser.add_argument("events", metavar="EVENTS.jsonl", help="one event a line; - for standard input")
    parser.add_argument(
        "--as-of",
        type=moment,
        metavar="T",
        help="the moment at which max_age is judged (RFC 3339); default: the newest event's time",
    )


def run(options: argparse.Namespace) -> int:
    """Print one JSON object, or nothing on stdout and what is wrong on stderr."""
    rules = rulefile.load(options.rules)
    observer = Observer(rules)
    tenants: dict[str, Facts] = {}
    # Millions of tuples and no cycles: a collector that visits them again and again finds nothing.
    gc.disable()
    with opened(options.events) as stream:
        for number, event in read_lines(stream):
            facts = tenants.setdefault(event.tenant, Facts())
            try:
                absorb(event, observer, facts, ingested_at=number)
            except Malformed as error:
                raise WrongLine(number, error.reason) from None
    newest = max((facts.newest for facts in tenants.values() if facts.newest is not None), default=None)
    as_of = options.as_of if options.as_of is not None else newest
    resolutions = [
        resolve(facts, rules, minter=Minter(_KEY, tenant), as_of=as_of) for tenant, facts in tenants.items()
    ]
    sys.stdout.buffer.write(_encode(resolutions) + b"\n")
    return 0


def moment(text: str) -> int:
    """A point in time, in microseconds since the epoch."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write it as 2026-01-31T12:00:00Z") from None
    if parsed.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} has no time zone: add Z or an offset")
    return round(parsed.timestamp() * 1_000_000)


def customer_json(customer: Customer) -> dict[str, object]:
    """A customer as programs read it."""
    return {"customer_id": customer.id, "identifiers": [identifier_json(m) for m in customer.members]}


def identifier_json(identifier: Identifier) -> dict[str, str]:
    """An identifier as programs read it."""
    return {"type": identifier.type, "value": identifier.value}


def _encode(resolutions: list[Resolution]) -> bytes:
    return msgspec.json.encode(
        {
            "customers": [customer_json(c) for r in resolutions for c in r.customers],
            "rejected_links": [
                {"a": identifier_json(link.a), "b": identifier_json(link.b), "reason": link.reason}
                for r in resolutions
                for link in r.rejected
            ],
            "quarantined": [
                {**identifier_json(identifier), "reason": reason}
                for r in resolutions
                for identifier, reason in sorted(r.quarantined.items())
            ],
        }
    )
