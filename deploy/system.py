"""The whole system on one machine: the local stack, with a worker and the HTTP server on top."""

import os
import sys
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from deploy import bootstrap
from deploy.api_keys import ensure_demo_key
from deploy.beginning import STARTER_RULES, begun
from deploy.local import Stack, State
from deploy.local.progress import Progress
from deploy.local.state import HOST
from deploy.settings import Settings
from identity import rulefile
from schemas import overlay

# What Prometheus' registry of ports leaves to those who have none of their own.
METRICS_PORT = 9464


def up(stack: Stack, rules: Path | None, progress: Progress) -> State:
    """Start what is not running; `rules` are those to begin with, where nothing has begun yet.

    Raises RuleError, and InputError where other rules are in force already.
    """
    rulefile.load(rules or STARTER_RULES)  # before anything starts
    state = stack.up(progress)
    env = {"UCID_HOME": str(stack.home)}
    settings = Settings.load({**os.environ, **env})
    begun(settings, rules)
    client = bootstrap.redis(settings)
    ensure_demo_key(settings.keys, stack.home, settings.tenant)
    port = stack.port("http", settings.http_port)
    progress("Starting speed", f"log in {state.log('speed')}")
    watched = _watched(stack)
    stack.start("speed", _command("speed"), env | watched, ready=lambda: bool(client.exists(overlay.LIVE)))
    progress("Starting http", f"log in {state.log('http')}")
    url = f"http://{settings.http_host}:{port}"
    stack.start("http", _command("serve"), env, ready=lambda: _healthy(url))
    progress("Starting http", f"ready at {url}")
    return State.load(stack.home)


def _watched(stack: Stack) -> dict[str, str]:
    """Where the worker is to tell its health and metrics: a free port, unless the user says where."""
    if os.environ.get("UCID_SPEED_HTTP"):
        return {}
    return {"UCID_SPEED_HTTP": f"{HOST}:{stack.port('speed', METRICS_PORT)}"}


def _command(name: str) -> list[str]:
    return [sys.executable, "-m", "deploy", name]


def _healthy(url: str) -> bool:
    try:
        with urlopen(f"{url}/readyz", timeout=1) as response:  # noqa: S310 - our own server
            return bool(response.status == 200)  # noqa: PLR2004 - HTTP's OK
    except (URLError, OSError):
        return False
