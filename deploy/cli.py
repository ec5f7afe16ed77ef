"""The `ucid` command. Each subcommand is a module that is imported only when it is called for."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from deploy import logs
from deploy.errors import InputError, SettingsError
from deploy.local.errors import LocalStackError
from identity import IdentityError
from schemas import SchemaError

COMMANDS = {
    "demo": "see it work: a shop's events through Kafka, Redis, Spark and back",
    "up": "start the local stack",
    "down": "stop the local stack",
    "status": "how the local stack does",
    "begin": "make the topics and the first generation of a system",
    "doctor": "what this machine has and lacks",
    "simulate": "who is who in a file of events, without any server",
    "rules": "check a rule file, or try it on all that is known",
    "ingest": "send a file of events to Kafka",
    "import": "land files and database tables for the next batch",
    "lookup": "which customer is this identifier?",
    "explain": "why are these two one customer, or why not?",
    "export": "print all customers, or everything about one person",
    "link": "a steward's word: these two identifiers are one customer",
    "unlink": "a steward's word: these two identifiers are never one customer",
    "erase": "forget the person behind an identifier, everywhere",
    "consent": "what somebody permits: grant, withdraw, show, history",
    "dead-letters": "what was refused, why, and another try",
    "speed": "run a worker of the speed layer",
    "batch": "run the batch layer, once or again and again",
    "generations": "what the batch published: list it, go back to it, fetch it",
    "catalogue": "which source feeds what, how much of it is rejected, how fresh, how personal",
    "parity": "was the stream right? the batch's word on it",
    "serve": "run the HTTP server",
    "webhooks": "take what e-mail services tell of their messages, over HTTP",
    "triggers": "tell others when a customer does, or does not do, what they wait for",
    "keys": "who may ask the HTTP server",
    "audit": "who asked for whose data, and is that record whole?",
    "bench": "measure",
}

# Which extra a command needs, where it needs one.
_EXTRAS = {
    "audit": "serve",
    "batch": "batch",
    "begin": "speed",
    "catalogue": "batch",
    "consent": "serve",
    "dead-letters": "speed",
    "demo": "local",
    "down": "local",
    "erase": "serve",
    "explain": "serve",
    "export": "serve,batch",
    "import": "batch",
    "generations": "speed",
    "ingest": "speed",
    "keys": "serve",
    "link": "speed",
    "lookup": "serve",
    "parity": "batch",
    "serve": "serve",
    "speed": "speed",
    "status": "local",
    "triggers": "triggers",
    "unlink": "speed",
    "up": "local",
    "webhooks": "webhooks",
}


# What Python would not take for a module's name.
MODULES = {"dead-letters": "dead_letters", "import": "import_"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit code: 0 done, 1 it failed, 2 what was given cannot be used."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    named = next((a for a in arguments if not a.startswith("-")), None)
    try:
        return _run(arguments, named)
    except ModuleNotFoundError as error:
        if named not in _EXTRAS:
            raise
        print(
            f"ucid: '{named}' needs the package {error.name}: pip install 'ucid[{_EXTRAS[named]}]'",
            file=sys.stderr,
        )
        return 1
    except BrokenPipeError:
        # Who read our output has seen enough; Python must not complain of it when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (IdentityError, SchemaError, SettingsError, InputError, OSError) as error:
        return _fail(error, 2)
    except LocalStackError as error:
        return _fail(error, 1)
    except KeyboardInterrupt:
        return 130


def _run(arguments: list[str], named: str | None) -> int:
    parser = argparse.ArgumentParser(prog="ucid", description="One customer id over every identifier.")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, help_ in COMMANDS.items():
        subparser = subparsers.add_parser(name, help=help_, description=help_)
        if name == named:
            module = import_module(f"deploy.commands.{MODULES.get(name, name)}")
            module.configure(subparser)
            subparser.set_defaults(run=module.run)
    options = parser.parse_args(arguments)
    logs.configure()
    code = int(options.run(options))
    sys.stdout.flush()
    return code


def _fail(error: Exception, code: int) -> int:
    for line in str(error).splitlines():
        print(f"ucid: {line}", file=sys.stderr)
    return code
