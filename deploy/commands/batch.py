"""`ucid batch`: land the log, rebuild the graph, publish a generation."""

import argparse
import sys
from pathlib import Path

from batch_layer.run import run as run_batch
from deploy import bootstrap
from deploy.commands.simulate import moment
from deploy.settings import Settings
from identity import rulefile


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument(
        "--rules", type=Path, metavar="FILE", help="from now on these rules; default: as before"
    )
    parser.add_argument(
        "--as-of", type=moment, metavar="T", help="when max_age is judged; default: the newest event"
    )


def run(options: argparse.Namespace) -> int:
    """Run once."""
    rules = None
    if options.rules is not None:
        rulefile.load(options.rules)
        rules = options.rules.read_text(encoding="utf-8")
    job = bootstrap.batch_job(Settings.load())
    manifest = run_batch(
        job, rules=rules, as_of=options.as_of, progress=lambda text: print(text, file=sys.stderr)
    )
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in manifest.counts.items())
    print(f"generation {manifest.generation}: {counts}")
    return 0
