"""`ucid rules check|diff FILE`: can a rule file be used, and what would it change?"""

import argparse
import sys
from pathlib import Path

import msgspec

from deploy import bootstrap
from deploy.settings import Settings
from identity import rulefile

_EXAMPLES = 5


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    check = actions.add_parser("check", help="validate a rule file")
    check.add_argument("file", type=Path)
    diff = actions.add_parser(
        "diff", help="what the rules would make of all that is known; nothing is published"
    )
    diff.add_argument("file", type=Path, metavar="NEW.yaml")
    diff.add_argument("--json", action="store_true", help="print one JSON object")
    diff.add_argument(
        "--examples",
        type=int,
        default=_EXAMPLES,
        metavar="N",
        help="show the N largest merges and splits, with identifiers; default: %(default)s",
    )


def run(options: argparse.Namespace) -> int:
    """Check or try; problems of the file are raised as RuleError."""
    rules = rulefile.load(options.file)
    if options.action == "check":
        print(f"{options.file}: {len(rules.types)} identifier types, fingerprint {rules.fingerprint}")
        return 0
    from batch_layer.rehearsal import rules_diff  # noqa: PLC0415 - an extra, and only a diff needs it

    found = rules_diff(
        bootstrap.batch_job(Settings.load()),
        options.file.read_text(encoding="utf-8"),
        options.examples,
        progress=lambda text: print(text, file=sys.stderr),
    )
    print(msgspec.json.encode(found).decode() if options.json else "\n".join(found.lines()))
    return 0
