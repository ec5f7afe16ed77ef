"""Load by wrk, a generator in C: requests made beforehand, sent from so many connections."""

import json
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from benchmarks.speed.errors import Broken, LeftOut

# What wrk runs: each line of a file is a body of a POST, or the rest of the path of a GET, sent in turn; at
# the end it prints what it found as JSON.
_SCRIPT = """
local requests, at = {}, 0
local method, path = os.getenv("BENCH_METHOD"), os.getenv("BENCH_PATH")
local headers = {
  ["authorization"] = "Bearer " .. os.getenv("BENCH_SECRET"),
  ["content-type"] = "application/json"
}
function init()
  for line in io.lines(os.getenv("BENCH_LINES")) do
    if method == "POST" then
      requests[#requests + 1] = wrk.format(method, path, headers, line)
    else
      requests[#requests + 1] = wrk.format(method, path .. line, headers)
    end
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
function done(summary, latency)
  local errors = summary.errors
  print(string.format('{"requests": %d, "microseconds": %d, "p50": %d, "p99": %d, "errors": %d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
"""


class Found(NamedTuple):
    """Requests a second; latencies in seconds."""

    per_second: float
    p50: float
    p99: float


class Load:
    """What is asked: a line each, to `path`."""

    def __init__(
        self, home: Path, name: str, lines: Iterable[bytes], path: str, *, method: str, secret: str = ""
    ) -> None:
        self._script = home / "load.lua"
        self._script.write_text(_SCRIPT)
        asked = home / f"{name}.txt"
        asked.write_bytes(b"\n".join(lines) + b"\n")
        self._env = {
            "BENCH_LINES": str(asked),
            "BENCH_SECRET": secret,  # in the environment: arguments are for everybody to see
            "BENCH_METHOD": method,
            "BENCH_PATH": path,
        }

    def run(self, url: str, connections: int, seconds: float) -> Found:
        """Ask for so long. Raises Broken where an answer was none, and LeftOut where there is no wrk."""
        if shutil.which("wrk") is None:
            raise LeftOut("there is no wrk: install it, such as `sudo apt-get install wrk`")
        argv = [
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{max(round(seconds), 1)}s",
            "-s",
            str(self._script),
            url,
        ]
        done = subprocess.run(argv, env=self._env, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Broken(f"wrk failed: {done.stderr.strip()[-200:]}")
        found = json.loads(done.stdout.splitlines()[-1])
        if found["errors"] or not found["requests"]:
            raise Broken(f"of {found['requests']} requests {found['errors']} failed")
        return Found(found["requests"] / found["microseconds"] * 1e6, found["p50"] / 1e6, found["p99"] / 1e6)
