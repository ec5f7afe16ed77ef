"""Background processes that outlive us, and that are never mistaken for others."""

import os
import select
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

LOG_LIMIT = 20_000_000  # bytes: a larger log is put aside, as NAME.log.1, when its process starts


class Process(msgspec.Struct, frozen=True):
    """A process as it was started.

    A pid is used again after its process ended; pid and `started` together never are. `started` is
    the id of the machine's boot and the clock tick in it.
    """

    pid: int
    started: str
    argv: tuple[str, ...]

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        with self._handle() as handle:
            return handle is not None

    def ended(self, within: float) -> bool:
        """Wait until it ends, at most so many seconds: whether it has."""
        with self._handle() as handle:
            return handle is None or _ended(handle, within)

    def terminate(self) -> None:
        """Ask it to end, unless it has."""
        with self._handle() as handle:
            if handle is not None:
                signal.pidfd_send_signal(handle, signal.SIGTERM)

    def kill(self) -> None:
        """End it by force, unless it has ended, along with the processes it started."""
        with self._handle() as handle:
            if handle is not None:
                os.killpg(self.pid, signal.SIGKILL)  # it leads a session, so the group is its own

    @contextmanager
    def _handle(self) -> Iterator[int | None]:
        """A descriptor that stands for this very process, even if its pid is used again; None if it ended."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            yield None
            return
        try:
            ours = _started(self.pid) == self.started and not _ended(handle, 0)
            yield handle if ours else None
        finally:
            os.close(handle)


def spawn(argv: Sequence[str], env: Mapping[str, str], log: Path) -> Process:
    """Start a program in a session of its own, its output appended to a log.

    `env` is added to our own environment. Raises OSError if the program cannot be run.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_name(f"{log.name}.1"))
    # Unlike subprocess, which insists on waiting for its children, this lets go of them.
    pid = os.posix_spawnp(
        argv[0],
        list(argv),
        {**os.environ, **env},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
        setsigdef=[signal.SIGPIPE, signal.SIGINT],
    )
    return Process(pid, _started(pid) or "", tuple(argv))


def stop(processes: Sequence[Process], grace: float) -> None:
    """End processes, all at once: politely, and by force those still there after `grace` seconds."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + grace
    for process in processes:
        if not process.ended(within=max(0.0, deadline - time.monotonic())):
            process.kill()
            process.ended(within=grace)


def _started(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # Field 22, counted from behind the program's name, which may hold spaces and brackets.
    tick = stat.rpartition(")")[2].split()[19]
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{tick}"


def _ended(handle: int, within: float) -> bool:
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    ended = bool(poll.poll(within * 1000))
    if ended:
        with suppress(ChildProcessError):  # not our child, or taken leave of before
            os.waitid(os.P_PIDFD, handle, os.WEXITED | os.WNOHANG)
    return ended
