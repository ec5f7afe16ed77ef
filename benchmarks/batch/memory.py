"""How much memory this process and all that it started take at most, as long as one watches."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

_PAUSE = 0.5  # seconds

_GONE = (FileNotFoundError, ProcessLookupError)  # it ended meanwhile


class Peak:
    """The largest sum of memory that was seen, in bytes."""

    def __init__(self) -> None:
        self.bytes = 0

    def look(self, root: int) -> None:
        """Take the sum of a process and its descendants as they are now."""
        parents = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(*_GONE):
                parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
        self.bytes = max(self.bytes, sum(_taken(pid) for pid in parents if _is_below(pid, root, parents)))


def _taken(pid: int) -> int:
    """The proportional set of a process: pages that several share are divided among them."""
    with suppress(*_GONE):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def _is_below(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid != root:
        if pid not in parents:
            return False
        pid = parents[pid]
    return True


@contextmanager
def watched(root: int) -> Iterator[Peak]:
    """The peak of a process and its descendants while the context lasts."""
    peak, done = Peak(), Event()

    def watch() -> None:
        while not done.wait(_PAUSE):
            peak.look(root)

    thread = Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
        peak.look(root)
