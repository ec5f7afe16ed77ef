"""A steward's word on two identifiers, as a message to the log."""

import argparse
import getpass
import time
import uuid

from deploy import bootstrap
from deploy.pairs import type_and_value
from deploy.sending import send
from deploy.settings import Settings
from schemas import DECISIONS, Decision, Identifier, Verdict, encode


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments that `ucid link` and `ucid unlink` share."""
    parser.add_argument("a", type=type_and_value, metavar="TYPE=VALUE")
    parser.add_argument("b", type=type_and_value, metavar="TYPE=VALUE")
    parser.add_argument("--why", required=True, help="the reason, for those who ask later")
    parser.add_argument("--who", default=getpass.getuser(), help="who decides; default: %(default)s")
    parser.add_argument("--undo", action="store_true", help="take the last decision on these two back")


def decide(options: argparse.Namespace, verdict: Verdict) -> int:
    """Send the decision; stream and batch both obey it from here on."""
    settings = Settings.load()
    decision = Decision(
        decision_id=str(uuid.uuid4()),
        tenant=settings.tenant,
        decided_at=time.time_ns() // 1_000,
        verdict="undo" if options.undo else verdict,
        a=Identifier(*options.a),
        b=Identifier(*options.b),
        who=options.who,
        why=options.why,
    )
    send(bootstrap.producer(settings), DECISIONS, [encode(decision)])
    print(f"decision {decision.decision_id}: {decision.verdict}")
    return 0
