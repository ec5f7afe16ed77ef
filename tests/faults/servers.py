"""Kafka and Redis as processes of our own: to be killed, frozen, starved and started again."""

import os
import resource
import signal
from contextlib import contextmanager

from deploy.local import Stack
from deploy.local.state import State


class Servers:
    """The local stack in a directory."""

    def __init__(self, home):
        self._stack = Stack(home)
        self.home = home

    def __enter__(self):
        self.up()
        return self

    def __exit__(self, *_):
        self.down()

    def up(self):
        """Start what does not run, on its data and its port."""
        return self._stack.up()

    def down(self):
        for name in ("redis", "kafka"):
            self.thaw(name)
        self._stack.down()

    def kill(self, name):
        """Kill -9."""
        process = self._process(name)
        process.kill()
        assert process.ended(within=10)

    def ended(self, name, within=60):
        return self._process(name).ended(within)

    def freeze(self, name):
        os.kill(self._process(name).pid, signal.SIGSTOP)

    def thaw(self, name):
        process = self._process(name)
        if process.running:
            os.kill(process.pid, signal.SIGCONT)

    @contextmanager
    def frozen(self, name):
        self.freeze(name)
        try:
            yield
        finally:
            self.thaw(name)

    @contextmanager
    def disk_full_at(self, name, size):
        """No file of that server grows beyond `size` bytes: for it, the disk is full."""
        pid = self._process(name).pid
        before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, before[1]))
        try:
            yield
        finally:
            if self._process(name).running:
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before)

    def append_only_file(self):
        """The file that Redis writes to now: a directory of them since Redis 7."""
        files = [*self.home.glob("redis/appendonly.aof"), *self.home.glob("redis/appendonlydir/*.incr.aof")]
        return max(files, key=lambda file: file.stat().st_mtime)

    def _process(self, name):
        return State.load(self.home).processes[name]
