"""`ucid simulate` for whoever asks a server: in a process of its own, within bounds.

Rules may hold regular expressions that take for ever, and the interpreter's lock with them; here that ends a
child, and no lookup waits for it. What was pasted stands in no file but for the rules, and those only
meanwhile.
"""

import asyncio
import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Final

from deploy import cli
from serving_layer.errors import Refused

# Seconds of processor time, and seconds until it is ended where it gets less than that.
SECONDS: Final = 10
PATIENCE_S: Final = 20.0

# Bytes of memory that it may take, and bytes that it may answer with.
MEMORY: Final = 2 << 30
MOST_ANSWER: Final = 8 << 20

_RULES = "rules.yaml"


async def try_out(rules: str, events: str) -> bytes:
    """What the rules make of the events. Raises Refused (400 for what cannot be read, 422 beyond bounds)."""
    return await asyncio.to_thread(_tried, rules, events)


def _tried(rules: str, events: str) -> bytes:
    # No setting of ours, the key of ids least of all, has any business in there.
    env = {name: value for name, value in os.environ.items() if not name.startswith("UCID_")}
    with TemporaryDirectory(prefix="ucid-trial-") as directory, TemporaryFile() as answer:
        (Path(directory) / _RULES).write_text(rules, "utf-8")
        try:
            done = subprocess.run(
                [sys.executable, "-m", "deploy.trial", directory],
                input=events.encode(),
                stdout=answer,
                stderr=subprocess.PIPE,
                env=env,
                timeout=PATIENCE_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _too_much(f"more than {SECONDS} s") from None
        size = answer.tell()
        if done.returncode < 0:
            raise _too_much(f"more than {SECONDS} s, or more memory than {MEMORY >> 30} GiB")
        if size >= MOST_ANSWER:
            raise _too_much(f"an answer of more than {MOST_ANSWER >> 20} MiB")
        if done.returncode == 2:  # noqa: PLR2004 - what was given cannot be used
            lines = done.stderr.decode(errors="replace").splitlines()
            raise Refused(400, "\n".join(line.removeprefix("ucid: ") for line in lines), "trial")
        if done.returncode:
            raise _too_much(f"more memory than {MEMORY >> 30} GiB")
        answer.seek(0)
        return answer.read()


def _too_much(what: str) -> Refused:
    text = f"the trial took {what}: try fewer events, or 'ucid simulate' on your machine"
    return Refused(422, text, "trial")


def main() -> int:
    """The child: limits first."""
    os.chdir(sys.argv[1])
    for limit, most in (
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, MOST_ANSWER),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    return cli.main(["simulate", _RULES, "-"])


if __name__ == "__main__":
    sys.exit(main())
