"""`ucid audit verify|who`: is the audit log what was written, and who asked for somebody's data?"""

import argparse
import sys

from deploy import bootstrap
from deploy.pairs import type_and_value
from deploy.printing import print_line
from deploy.settings import Settings
from serving_layer import questions
from serving_layer.access.audit import Seal
from serving_layer.access.verify import entries, verify


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("verify", help="find edits, deletions and truncation; exit code 1 where there are any")
    who = actions.add_parser("who", help="each time that the customer of an identifier was asked for")
    who.add_argument("identifier", type=type_and_value, metavar="TYPE=VALUE")


def run(options: argparse.Namespace) -> int:
    """Do it."""
    settings = Settings.load()
    seal = Seal(settings.id_key)
    if options.action == "who":
        return _who(settings, seal, options.identifier)
    verdict = verify(settings.audit, settings.anchors, seal)
    for problem in verdict.problems:
        print(f"ucid: {problem}", file=sys.stderr)
    print(f"{verdict.files} files, {verdict.lines} lines: {len(verdict.problems) or 'no'} problems")
    return 1 if verdict.problems else 0


def _who(settings: Settings, seal: Seal, identifier: tuple[str, str]) -> int:
    view = bootstrap.serving_view(settings)
    (outcome,) = view.ask(questions.lookup(view.generations.current, settings.tenant, [identifier])).found
    about = {seal.of(settings.tenant, outcome.identifier)}
    if outcome.customer is not None:
        about |= {outcome.customer[0], *outcome.customer[2]}
    for line, entry in entries(settings.audit):
        if entry.tenant == settings.tenant and about.intersection(entry.about):
            print_line({"at": line.at, "who": entry.who, "act": entry.act, "detail": entry.detail})
    return 0
