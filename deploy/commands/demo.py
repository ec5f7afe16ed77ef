"""`ucid demo [--events FILE] [--rules FILE]`: see the whole system work."""

import argparse
import os
import sys
import time
from pathlib import Path
from shutil import which

from deploy import system
from deploy.api_keys import DEMO_SECRET
from deploy.demo import source
from deploy.demo.play import Play
from deploy.errors import InputError
from deploy.local import ConsoleProgress, Stack
from deploy.settings import Settings

# A file in a home that says: this is a demo's, and may be replaced by the next one.
_MARKER = "demo"


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    parser.add_argument(
        "--events", metavar="FILE", help="your own events, one JSON object a line; default: a shop"
    )
    parser.add_argument("--rules", type=Path, metavar="FILE", help="the rules for your events")


def run(options: argparse.Namespace) -> int:
    """Play the demo; exit code 1 if stream and batch disagree, or somebody is not forgotten.

    Raises InputError over other data.
    """
    played = (
        source.file(options.events, options.rules, time.time_ns() // 1_000)
        if options.events
        else source.shop()
    )
    stack = Stack()
    marker = stack.home / _MARKER
    if (stack.home / "generations").is_dir() and not marker.exists():
        raise InputError(
            f"there is a system with data in {stack.home}, which the demo would mix with its own: "
            "set UCID_HOME to another directory, or delete the data with 'ucid down --wipe'"
        )
    stack.down(wipe=True)
    progress = ConsoleProgress()
    stack.up(progress)
    # Before anything that can be broken off: what a demo began, the next one may replace.
    marker.touch()
    state = system.up(stack, played.rules, progress)
    progress.close()
    agreed = Play(Settings.load({**os.environ, "UCID_HOME": str(stack.home)}), played).perform()
    ucid = "ucid" if which("ucid") else os.path.relpath(sys.argv[0])
    type_, value = next(iter(played.truth), ("email", "ann@example.com"))
    print(
        f"\nThe system stays up. Ask it yourself:\n"
        f"   {ucid} lookup '{type_}={value}'\n"
        f"   {ucid} export customers | head\n"
        f"   curl -s http://{state.address('http')}/v1/lookup "
        f'-H "Authorization: Bearer $(cat {stack.home / DEMO_SECRET})" '
        f'-d \'{{"identifiers": [{{"type": "{type_}", "value": "{value}"}}]}}\'\n'
        f"   {ucid} status, and when you have seen enough: {ucid} down --wipe"
    )
    return 0 if agreed else 1
