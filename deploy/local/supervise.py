"""Having a process run: the one that does already, else a new one, until it does its work."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.local.errors import StartError
from deploy.local.process import Process, spawn
from deploy.local.state import State

DEADLINE = 120.0  # seconds for a process to get ready: a busy laptop, with much data to load
_POLL = 0.05  # seconds between two looks
_TAIL = 20  # lines of the log in an error
_TAIL_BYTES = 16_384  # where those lines are looked for


def keep_running(
    state: State,
    name: str,
    command: Callable[[], Sequence[str]],
    env: Mapping[str, str],
    ready: Callable[[], bool],
    deadline: float = DEADLINE,
) -> Process:
    """The process of that name once it is `ready()`; started by `command()` if it does not run.

    `env` is added to our environment; `deadline` is in seconds. Raises StartError, with the end of
    the log, if it ends before, or is not ready in time; OSError if the command cannot be run.
    """
    log = state.log(name)
    found = state.processes.get(name)
    # One that is found running may be about to end; only what we start ourselves has to stay.
    if found is not None and _gets_ready(name, found, log, ready, deadline):
        return found
    process = state.processes[name] = spawn(command(), env, log)
    state.save()  # at once: whatever happens next, `down` finds it
    if not _gets_ready(name, process, log, ready, deadline):
        raise StartError(f"{name} ended while starting. {_tail(log)}")
    return process


def _gets_ready(name: str, process: Process, log: Path, ready: Callable[[], bool], deadline: float) -> bool:
    """Wait until it is ready or ends: which of them, True or False, came first."""
    end = time.monotonic() + deadline
    while process.running:
        # Asked again afterwards, lest somebody else answers in its place.
        if ready() and process.running:
            return True
        if time.monotonic() > end:
            raise StartError(f"{name} runs, but is not ready after {deadline:g} s. {_tail(log)}")
        process.ended(within=_POLL)
    return False


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        lines = file.read().decode(errors="replace").splitlines()[-_TAIL:]
    return "\n".join([f"The end of its log, {log}:", *(f"  {line}" for line in lines)])
