"""`ucid import SOURCE.yaml [FILE…]`: land slow sources; the next `ucid batch` takes them in."""

import argparse
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from batch_layer.sources import definition
from batch_layer.sources.errors import DefinitionError, SourceError
from batch_layer.sources.loads import Loads
from deploy import bootstrap
from deploy.errors import InputError
from deploy.printing import print_line
from deploy.settings import Settings
from identity import Rules, rulefile
from schemas.generation import open_generation, wanted

if TYPE_CHECKING:
    from batch_layer.sources.model import Source
    from batch_layer.sources.tables import Tables


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument("source", type=Path, metavar="SOURCE.yaml")
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="an export, or a directory of parts; default: its 'files'"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would happen, and land nothing")
    parser.add_argument("--accept", action="store_true", help="land a load beyond the limits of 'stop_when'")
    parser.add_argument("--again", action="store_true", help="take what was taken before once more")
    parser.add_argument("--json", action="store_true", help="print one JSON object a load")
    parser.add_argument(
        "--rejects", action="store_true", help="print what was wrong in the last load, one JSON object a line"
    )


def run(options: argparse.Namespace) -> int:
    """Load; 1 where a limit stopped it. Raises InputError of what cannot be taken in."""
    try:
        return _load(options)
    except SourceError as error:
        raise InputError(str(error)) from None


def _load(options: argparse.Namespace) -> int:
    source = definition.load(options.source)
    settings = Settings.load()
    tenant = source.tenant or settings.tenant
    if options.rejects:
        mine = [x for x in Loads(settings.delta).all() if (x.tenant, x.source) == (tenant, source.name)]
        if not mine:
            raise InputError(f"nothing was ever loaded from {source.name}")
        return _print_rejects(bootstrap.source_tables(settings), mine[-1].load)
    patterns = _patterns(source, options.files)
    _check_types(source, settings.generations)
    importer = bootstrap.importer(
        settings,
        source.format,
        clock=lambda: time.time_ns() // 1_000,
        progress=lambda text: print(text, file=sys.stderr),
        accept=options.accept,
        again=options.again,
        dry=options.dry_run,
    )
    stopped = False
    for report in importer.run(source, tenant, patterns):
        stopped = report.stopped is not None
        lines: Iterable[str] = report.lines()
        if options.json:
            lines = [msgspec.json.encode(report).decode()]
        print("\n".join(lines), flush=True)
    return int(stopped)


def _patterns(source: "Source", given: Sequence[str]) -> Sequence[str]:
    if source.format == "jdbc":
        if given:
            raise InputError(f"{source.path} reads a database: give no files")
        return ()
    if not given and not source.files:
        raise InputError(f"name the files to load, or write 'files' in {source.path}")
    return given or source.files


def _check_types(source: "Source", generations: Path) -> None:
    """Raise DefinitionError where the rules in force do not know a type: its records would be refused."""
    number = wanted(generations)
    if number is None:
        return
    rules: Rules = rulefile.parse(open_generation(generations, number).manifest.rules)
    unknown = [type_ for type_ in source.identifiers if type_ not in rules.types]
    if unknown and not rules.ignore_unknown:
        raise DefinitionError(
            str(source.path),
            [
                f"identifiers.{type_}: the rules in force do not name this type: add it to them "
                f"('ucid batch --rules FILE' changes them), or use one of {', '.join(rules.types)}"
                for type_ in unknown
            ],
        )


def _print_rejects(tables: "Tables", load: int) -> int:
    for row in tables.rejects(load).orderBy("file", "record").toLocalIterator():
        print_line(row.asDict())
    return 0
