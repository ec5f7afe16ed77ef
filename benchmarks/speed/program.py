"""Programs in processes of their own, ended with us; peers print what they found as JSON."""

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.speed.errors import Broken

DEADLINE = 600.0  # seconds for a peer
_GRACE = 30.0  # seconds to end by itself
_TAIL = 10  # lines of a log in an error

Process = subprocess.Popen[bytes]


@contextmanager
def running(argv: Sequence[str], env: Mapping[str, str], log: Path) -> Iterator[Process]:
    """A process for as long as the context lasts; it is asked to end, and killed if it does not."""
    with log.open("wb") as output:
        # In a group of its own: ^C comes to us, and we end it.
        process = subprocess.Popen(argv, env=env, stdout=output, stderr=output, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def peer(module: str, arguments: Sequence[object], env: Mapping[str, str], log: Path) -> Iterator[Process]:
    """A module of `benchmarks`, or of this package, as a program: nothing else is loaded in it."""
    name = module if "." in module else f"speed.{module}"
    argv = [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]
    with running(argv, env, log) as process:
        yield process


def found(process: Process, log: Path) -> Any:  # noqa: ANN401 - each program has a form of its own
    """What a peer's last line says, once it has ended. Raises Broken."""
    try:
        code = process.wait(DEADLINE)
    except subprocess.TimeoutExpired as error:
        raise Broken(f"a program did not end within {DEADLINE:.0f} s\n{tail(log)}") from error
    if code != 0:
        raise Broken(f"a program failed with exit code {code}\n{tail(log)}")
    return msgspec.json.decode(log.read_bytes().splitlines()[-1])


def run(module: str, arguments: Sequence[object], env: Mapping[str, str], log: Path) -> Any:  # noqa: ANN401
    """Run a peer to its end. Raises Broken."""
    with peer(module, arguments, env, log) as process:
        return found(process, log)


def tail(log: Path) -> str:
    """The end of a log, for an error's text."""
    return "\n".join([f"The end of {log.name}:", *log.read_text(errors="replace").splitlines()[-_TAIL:]])
