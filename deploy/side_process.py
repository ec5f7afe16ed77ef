"""The side lane as a process beside a worker."""

import subprocess
import sys
from contextlib import suppress
from typing import Self

# Seconds that it has to finish what is in hand when the worker ends; what it leaves waits in Redis.
GRACE_S = 5.0


class SideProcess:
    """At most one process of this worker's; there may be those of others. It ends with the worker."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, unless it is at work."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen([sys.executable, "-m", "deploy", "speed", "--side-lane"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)
        self._process.kill()
        self._process.wait()
