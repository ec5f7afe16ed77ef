"""The local stack: Kafka, Redis, and whatever else is to run beside them."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from deploy.local import home, kafka, redis
from deploy.local.jars import kafka_jars
from deploy.local.java import find_java
from deploy.local.process import Process, stop
from deploy.local.progress import Progress, silent
from deploy.local.state import HOST, State
from deploy.local.supervise import DEADLINE, keep_running

GRACE = 30.0  # seconds for a process to end by itself: Kafka writes its state, a worker its batch
_SERVERS = ("redis", "kafka")


class Service(msgspec.Struct, frozen=True):
    """How one process of the stack does. "unresponsive": it runs, but does not answer (yet)."""

    name: str
    state: Literal["up", "unresponsive", "down"]
    pid: int | None
    address: str | None
    log: Path


class Stack:
    """The processes and the data in one home directory.

    Every method may be called at any time, any number of times, and by several processes at once:
    one works, the others wait. All raise HomeError if the directory holds what is not ucid's.
    """

    def __init__(self, root: Path | None = None, cache: Path | None = None) -> None:
        self.home = home.default_home() if root is None else root.absolute()
        self._cache = home.default_cache() if cache is None else cache

    def up(self, progress: Progress = silent, deadline: float = DEADLINE) -> State:
        """Start what of Redis and Kafka is not running and wait until both answer.

        A server that comes back does so on its data, and on its port if that is still free: others
        have it in their settings. `deadline`: seconds for each. Raises MissingTool, DownloadError
        and StartError; what did start until then keeps running.
        """
        with home.claimed(self.home):
            state = State.load(self.home)
            home.ensure_identity_key(self.home)
            for directory in (state.generations, state.delta, state.logs):
                directory.mkdir(exist_ok=True)
            commands: dict[str, Callable[[], list[str]]] = {
                "redis": lambda: self._redis(state),
                "kafka": lambda: self._kafka(state, progress),
            }
            for name, command in commands.items():
                progress(f"Starting {name}", f"log in {state.log(name)}")
                keep_running(state, name, command, {}, partial(_answers, state, name), deadline)
                progress(f"Starting {name}", f"ready at {state.address(name)}")
            return state

    def down(self, *, wipe: bool = False) -> None:
        """End every process; with `wipe`, delete the home with all its data, too."""
        if not home.is_home(self.home):
            return
        with home.claimed(self.home):
            state = State.load(self.home)
            # Workers first: they have something to finish that needs the servers.
            workers = [process for name, process in state.processes.items() if name not in _SERVERS]
            servers = [process for name, process in state.processes.items() if name in _SERVERS]
            stop(workers, GRACE)
            stop(servers, GRACE)
            state.processes.clear()
            state.save()
            if wipe:
                home.delete(self.home)

    def status(self) -> list[Service]:
        """How Redis, Kafka and every process that was started do."""
        home.is_home(self.home)
        state = State.load(self.home)
        return [_status(state, name) for name in dict.fromkeys((*_SERVERS, *state.processes))]

    def start(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        ready: Callable[[], bool] = lambda: True,
        deadline: float = DEADLINE,
    ) -> Process:
        """Have a program run in the background, its output in `logs/NAME.log`, and wait until `ready()`.

        One that runs already stays if its command is the same, else it is replaced. `env` is added
        to our environment; `deadline` is in seconds. Raises StartError if it ends or is not ready
        in time, and OSError if the command cannot be run.
        """
        with home.claimed(self.home):
            state = State.load(self.home)
            before = state.processes.get(name)
            if before is not None and before.argv != tuple(argv):
                stop([before], GRACE)
            return keep_running(state, name, lambda: argv, env or {}, ready, deadline)

    def stop(self, name: str) -> None:
        """End a process and forget it; no error if there is none of that name."""
        if not home.is_home(self.home):
            return
        with home.claimed(self.home):
            state = State.load(self.home)
            if process := state.processes.pop(name, None):
                stop([process], GRACE)
                state.save()

    def port(self, name: str, preferred: int | None = None) -> int:
        """The port kept for a process: the one it has, or had if that is free, else a new one.

        `preferred` is what a process gets that never had one, if it is free.
        """
        with home.claimed(self.home):
            state = State.load(self.home)
            process = state.processes.get(name)
            if process is None or not process.running:
                state.assign_port(name, preferred)
                state.save()
            return state.ports[name]

    def _redis(self, state: State) -> list[str]:
        return redis.command(self.home / "redis", HOST, state.assign_port("redis"))

    def _kafka(self, state: State, progress: Progress) -> list[str]:
        java = find_java()
        jars = kafka_jars(self._cache, progress)
        ports = state.assign_port("kafka"), state.assign_port("kafka-controller")
        return kafka.command(java, jars, self.home / "kafka", HOST, *ports)


def _answers(state: State, name: str) -> bool:
    return kafka.ready(state.kafka) if name == "kafka" else redis.ready(HOST, state.ports["redis"])


def _status(state: State, name: str) -> Service:
    process = state.processes.get(name)
    address, log = state.address(name), state.log(name)
    if process is None or not process.running:
        return Service(name, "down", None, address, log)
    answers = name not in _SERVERS or _answers(state, name)
    return Service(name, "up" if answers else "unresponsive", process.pid, address, log)
