"""How much memory this process and all that it started take at most, as long as one watches."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

_PAUSE = 0.2  # seconds


class Peak:
    """The largest sum of resident sets that was seen, in bytes; shared pages count in each process."""

    def __init__(self) -> None:
        self.bytes = 0

    def look(self, root: int) -> None:
        """Take the sum of a process and its descendants as they are now."""
        parents, sizes = {}, {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
                sizes[int(stat.parent.name)] = _resident(stat.parent)
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended meanwhile
            parents[int(stat.parent.name)] = int(fields[1])
        self.bytes = max(
            self.bytes, sum(size for pid, size in sizes.items() if _is_below(pid, root, parents))
        )


def _resident(process: Path) -> int:
    """The proportional set, where pages that processes share are divided among them; else the resident."""
    for line in (process / "smaps_rollup").read_text().splitlines():
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
