"""`ucid catalogue`: which source feeds what, how much of it is rejected, how fresh, and how personal it is.

Of a running system it is what the last run counted; of rule and source files, what they say.
"""

import argparse
import time
from pathlib import Path

import msgspec

from batch_layer.configured import configured
from batch_layer.sources import definition
from batch_layer.sources.errors import DefinitionError
from deploy import catalogue_page
from deploy.errors import InputError
from deploy.settings import Settings
from identity import rulefile
from schemas.counted import Counted, Fed, Source, load_all
from schemas.generation import open_generation, wanted


class Catalogue(msgspec.Struct, frozen=True, kw_only=True):
    """The sources of each tenant under some rules; without a generation nothing of them is counted."""

    generation: int | None
    fingerprint: str
    tenants: list[Counted]


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument(
        "sources", nargs="*", type=Path, metavar="SOURCE.yaml", help="with --rules: definitions of sources"
    )
    parser.add_argument("--rules", type=Path, metavar="RULES.yaml", help="of these files, without a system")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--page", type=Path, metavar="PAGE.md", help="write it as tables into this Markdown page"
    )


def run(options: argparse.Namespace) -> int:
    """Print the catalogue, or write it into a page. Raises InputError, RuleError, SchemaError."""
    found = _configured(options) if options.rules else _counted(options)
    if options.page:
        catalogue_page.write(options.page, found.tenants)
        print(f"wrote {options.page}")
    else:
        print(
            msgspec.json.encode(found).decode() if options.json else "\n".join(lines(found, time.time_ns()))
        )
    return 0


def _configured(options: argparse.Namespace) -> Catalogue:
    rules = rulefile.load(options.rules)
    try:
        sources = configured(rules, map(definition.load, options.sources))
    except DefinitionError as error:
        raise InputError(str(error)) from error
    return Catalogue(
        generation=None, fingerprint=rules.fingerprint, tenants=[Counted(tenant="", at=0, sources=sources)]
    )


def _counted(options: argparse.Namespace) -> Catalogue:
    if options.sources:
        raise InputError("definitions of sources go with --rules RULES.yaml: a running system knows its own")
    root = Settings.load().generations
    number = wanted(root)
    if number is None:
        raise InputError(f"no generation in {root}: run 'ucid begin --rules FILE' and 'ucid batch' first")
    generation = open_generation(root, number)
    tenants = load_all(generation.directory)
    if not tenants:
        raise InputError(f"generation {number} was not counted: the next 'ucid batch' does")
    return Catalogue(generation=number, fingerprint=generation.manifest.fingerprint, tenants=tenants)


def lines(found: Catalogue, now: int) -> list[str]:
    """The catalogue as a person reads it; `now` is in nanoseconds."""
    counted = found.generation is not None
    told = [f"rules {found.fingerprint}" + (f", counted by generation {found.generation}" if counted else "")]
    for tenant in found.tenants:
        whose = f" of {tenant.tenant}" if tenant.tenant else ""
        for source in tenant.sources:
            told += ["", f"{source.name}{whose}, {source.way}{_figures(source, now) if counted else ''}"]
            told += [_line(fed, now, counted=counted) for fed in (*source.identifiers, *source.attributes)]
    return told


def _line(fed: Fed, now: int, *, counted: bool) -> str:
    line = f"  {fed.name:<24} {catalogue_page.used(fed):<20} {catalogue_page.classed(fed):<24}"
    return f"{line}{_figures(fed, now)}" if counted else line.rstrip()


def _figures(counted: Source | Fed, now: int) -> str:
    return f": {counted.accepted} accepted, {counted.rejected} rejected, {_age(counted.taken_in, now)}"


def _age(moment: int, now: int) -> str:
    """How long ago a moment was (microseconds), in days or less."""
    if not moment:
        return "never taken in"
    seconds = max(now // 1_000 - moment, 0) // 1_000_000
    for unit, size in (("days", 86_400), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"last {seconds // size} {unit} ago"
    return f"last {seconds} seconds ago"
