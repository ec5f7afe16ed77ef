"""`ucid bench SUBJECT`: measure a part against its peers, in one run."""

import argparse
import sys

from benchmarks import identity

_SUBJECTS = {"identity": (identity.measure, "deciding who is who, in one process")}


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    subjects = parser.add_subparsers(dest="subject", metavar="SUBJECT", required=True)
    for name, (measure, help_) in _SUBJECTS.items():
        subject = subjects.add_parser(name, help=help_, description=help_)
        subject.add_argument("--json", action="store_true", help="one JSON object instead of a table")
        subject.add_argument(
            "--scale", type=_scale, default=1.0, metavar="X", help="measure X times the usual size"
        )
        subject.add_argument(
            "--repeat", type=_count, default=3, metavar="N", help="take the median of N runs; default 3"
        )
        subject.set_defaults(measure=measure)


def run(options: argparse.Namespace) -> int:
    """Print the findings; what is being measured goes to stderr."""
    report = options.measure(options.scale, options.repeat, lambda text: print(text, file=sys.stderr))
    print(report.as_json() if options.json else report.as_table())
    return 0


def _scale(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and up to 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value
