"""Processor time: who used how many cores meanwhile."""

import os
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

_TICK = os.sysconf("SC_CLK_TCK")
_IDLE = (4, 5)  # fields of /proc/stat's first line: idle, and waiting for a disk


class Cores:
    """Counts from its making on, for processes by name, the whole machine among them."""

    def __init__(self, pids: Mapping[str, int]) -> None:
        self._pids = dict(pids)
        self._start = perf_counter()
        self._before = self._seconds()

    def used(self) -> dict[str, float]:
        """Cores in use on average since then, by name; "idle": those that nobody used."""
        elapsed = perf_counter() - self._start
        return {name: (now - self._before[name]) / elapsed for name, now in self._seconds().items()}

    def _seconds(self) -> dict[str, float]:
        return {"idle": _idle(), **{name: _used(pid) for name, pid in self._pids.items()}}


def _used(pid: int) -> float:
    # Counted from behind the program's name, which may hold spaces and brackets.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _idle() -> float:
    fields = Path("/proc/stat").read_text().splitlines()[0].split()
    return sum(int(fields[i]) for i in _IDLE) / _TICK
