"""`ucid bench SUBJECT`: measure a part against its peers, in one run."""

import argparse
import signal
import sys
from collections.abc import Mapping

from benchmarks import batch, identity, serve
from benchmarks.report import Report
from benchmarks.speed import FULL_ONLY, PARTS
from benchmarks.speed.errors import Broken
from deploy.errors import InputError
from deploy.local import default_cache, spark_jars

_LONGEST_S = 600  # of load
_USUAL = [part for part in PARTS if part not in FULL_ONLY]


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    subjects = parser.add_subparsers(dest="subject", metavar="SUBJECT", required=True)
    help_ = "deciding who is who, in one process"
    subject = subjects.add_parser("identity", help=help_, description=help_)
    _common(subject, repeat=3)
    subject.set_defaults(measure=_identity)
    help_ = "from Kafka until visible in Redis, on private servers"
    subject = subjects.add_parser("speed", help=help_, description=help_)
    _common(subject, repeat=1)
    subject.add_argument(
        "--full", action="store_true", help=f"also what takes many minutes: {', '.join(sorted(FULL_ONLY))}"
    )
    _choice(subject, PARTS)
    subject.set_defaults(measure=_speed)
    help_ = "the whole graph in Spark, from strings to components and from bronze to a generation"
    subject = subjects.add_parser("batch", help=help_, description=help_)
    _common(subject, repeat=3)
    subject.add_argument(
        "--full",
        action="store_true",
        help=f"also what takes many minutes: {', '.join(sorted(batch.FULL_ONLY))}",
    )
    _choice(subject, batch.PARTS)
    subject.set_defaults(measure=_batch)
    help_ = "lookups over HTTP, merged of generation and stream, on private servers"
    subject = subjects.add_parser("serve", help=help_, description=help_)
    _common(subject, repeat=3)
    subject.add_argument(
        "--seconds", type=_seconds, default=10.0, metavar="S", help="of load, each time; default 10"
    )
    _choice(subject, serve.PARTS)
    subject.set_defaults(measure=_serve)


def _choice(subject: argparse.ArgumentParser, known: Mapping[str, str]) -> None:
    def parts(text: str) -> list[str]:
        return _parts(text, known)

    # argparse formats a help text: a percent sign of it is written twice.
    told = "; ".join(f"{name}: {text}" for name, text in known.items()).replace("%", "%%")
    subject.add_argument("--only", type=parts, metavar="PART,…", help=f"just these. {told}")
    subject.add_argument("--skip", type=parts, default=[], metavar="PART,…", help="all but these")


def _common(subject: argparse.ArgumentParser, repeat: int) -> None:
    subject.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    subject.add_argument(
        "--scale", type=_scale, default=1.0, metavar="X", help="measure X times the usual size"
    )
    subject.add_argument(
        "--repeat",
        type=_count,
        default=repeat,
        metavar="N",
        help=f"take the median of N runs; default {repeat}",
    )


def run(options: argparse.Namespace) -> int:
    """Print the findings; what is being measured goes to stderr."""
    try:
        report: Report = options.measure(options)
    except Broken as error:
        print(f"ucid: {error}", file=sys.stderr)
        return 1
    print(report.as_json() if options.json else report.as_table())
    return 1 if report.failed else 0


def _identity(options: argparse.Namespace) -> Report:
    return identity.measure(options.scale, options.repeat, _progress)


def _speed(options: argparse.Namespace) -> Report:
    try:
        from benchmarks.speed.suite import Plan, measure  # noqa: PLC0415 - needs clients of servers
    except ModuleNotFoundError as error:
        raise InputError(
            f"'bench speed' needs the package {error.name}: pip install 'ucid[bench]'"
        ) from error
    _end_what_was_started()
    parts = options.only or ([*PARTS] if options.full else _USUAL)
    wanted = frozenset(parts) - frozenset(options.skip)
    return measure(Plan(options.scale, options.repeat, wanted), _progress)


def _serve(options: argparse.Namespace) -> Report:
    try:
        from benchmarks.serve.stage import Size  # noqa: PLC0415 - needs clients of servers
        from benchmarks.serve.suite import SIZE, Plan, measure  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise InputError(
            f"'bench serve' needs the package {error.name}: pip install 'ucid[bench]'"
        ) from error
    _end_what_was_started()
    size = Size(*(max(round(of * options.scale), 100) for of in (SIZE.identifiers, SIZE.overlay)))
    wanted = frozenset(options.only or serve.PARTS) - frozenset(options.skip)
    return measure(Plan(size, options.seconds, options.repeat, wanted), _progress)


def _batch(options: argparse.Namespace) -> Report:
    try:
        from batch_layer.session import session  # noqa: PLC0415 - an extra
        from benchmarks.batch.suite import Plan, measure  # noqa: PLC0415 - needs Spark
    except ModuleNotFoundError as error:
        raise InputError(
            f"'bench batch' needs the package {error.name}: pip install 'ucid[bench]'"
        ) from error
    _end_what_was_started()
    parts = options.only or (batch.PARTS if options.full else batch.PARTS.keys() - batch.FULL_ONLY)
    wanted = frozenset(parts) - frozenset(options.skip)
    spark = session(spark_jars(default_cache()))
    try:
        return measure(Plan(options.scale, options.repeat, wanted), spark, _progress)
    finally:
        spark.stop()


def _end_what_was_started() -> None:
    """Asked to end, we end what we started first."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _scale(text: str) -> float:
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and up to 1")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= _LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and up to {_LONGEST_S}")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def _parts(text: str, known: Mapping[str, str]) -> list[str]:
    parts = text.split(",")
    if unknown := [part for part in parts if part not in known]:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
    return parts
