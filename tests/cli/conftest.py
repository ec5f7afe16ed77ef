"""The `ucid` command in a process of its own, as a shell would start it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


class Ucid:
    """Runs commands in one directory, with a home in it that does not exist yet."""

    def __init__(self, directory):
        self.directory = directory
        self.home = directory / "home"

    def __call__(self, *arguments, stdin=b"", python=("-m", "deploy")):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("UCID_")}
        return subprocess.run(
            [sys.executable, *python, *map(str, arguments)],
            cwd=self.directory,
            env={**kept, "UCID_HOME": str(self.home)},
            input=stdin,
            capture_output=True,
            check=False,
            timeout=120,
        )

    def write(self, name, content):
        path = Path(self.directory, name)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def simulated(self, rules, *lines, options=()):
        """The output of a simulation that must succeed."""
        self.write("rules.yaml", rules)
        self.write("events.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
        done = self("simulate", "rules.yaml", "events.jsonl", *options)
        assert (done.returncode, done.stderr) == (0, b"")
        return json.loads(done.stdout)


@pytest.fixture
def ucid(tmp_path):
    return Ucid(tmp_path)


@pytest.fixture
def refused(ucid):
    """Runs a command that must end with code 2 and an empty stdout; returns what it says."""

    def run(*arguments, **options):
        done = ucid(*arguments, **options)
        told = done.stderr.decode()
        assert (done.returncode, done.stdout) == (2, b""), told
        assert "Traceback" not in told
        return told

    return run
