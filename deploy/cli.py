"""The `ucid` command. Each subcommand is a module that is imported only when it is called for."""

import argparse
import logging
import sys
from collections.abc import Sequence
from importlib import import_module

from deploy.local.errors import LocalStackError
from deploy.settings import SettingsError
from identity import IdentityError
from schemas import SchemaError

COMMANDS = {
    "demo": "see it work: a shop's events through Kafka, Redis, Spark and back",
    "up": "start the local stack",
    "down": "stop the local stack",
    "status": "how the local stack does",
    "doctor": "what this machine has and lacks",
    "simulate": "who is who in a file of events, without any server",
    "rules": "check a rule file",
    "ingest": "send a file of events to Kafka",
    "lookup": "which customer is this identifier?",
    "export": "print all customers",
    "speed": "run a worker of the speed layer",
    "batch": "run the batch layer once",
    "serve": "run the HTTP server",
    "bench": "measure",
}

_MISSING = {
    "confluent_kafka": "speed",
    "redis": "speed",
    "lmdb": "speed",
    "pyspark": "batch",
    "starlette": "serve",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0 done, 1 it failed, 2 what was given cannot be used."""
    parser = argparse.ArgumentParser(prog="ucid", description="One customer id over every identifier.")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    arguments = list(sys.argv[1:] if argv is None else argv)
    named = next((a for a in arguments if not a.startswith("-")), None)
    for name, help_ in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=help_, description=help_)
        if name == named:
            module = _module(name)
            if module is None:
                return 1
            module.configure(subparser)
            subparser.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr
    )
    # Py4J tells of each connection that it closes.
    logging.getLogger("py4j").setLevel(logging.WARNING)
    try:
        return int(options.run(options))
    except (IdentityError, SchemaError, SettingsError, OSError, ValueError) as error:
        return _fail(error, 2)
    except LocalStackError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return 130


def _module(name: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - modules have no common type
    try:
        return import_module(f"deploy.commands.{name}")
    except ModuleNotFoundError as error:
        extra = _MISSING.get((error.name or "").split(".")[0])
        if extra is None:
            raise
        print(f"ucid: '{name}' needs the package {error.name}: pip install 'ucid[{extra}]'", file=sys.stderr)
        return None


def _fail(error: Exception, code: int) -> int:
    for line in str(error).splitlines():
        print(f"ucid: {line}", file=sys.stderr)
    return code
