"""Every setting of ucid in one place: its default, and why.

Importing this loads no client of Kafka, Redis or Spark, so that commands start quickly.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from deploy.local.home import default_cache, default_home, identity_key
from deploy.local.state import HOST, State

TENANT = "default"
HTTP_PORT = 8080
SHORTEST_KEY = 32  # characters: with fewer, who knows an identifier could find the key by trying


class SettingsError(Exception):
    """A setting is missing or makes no sense; the text names its variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What every part of ucid is told from outside.

    An environment variable wins; where there is none, the local stack of `home` is used.
    """

    home: Path
    """UCID_HOME, default ~/.ucid: the local stack and its data; unused where all else is set."""

    cache: Path
    """UCID_CACHE, default $XDG_CACHE_HOME/ucid or ~/.cache/ucid: jars, which every stack can share."""

    kafka: str
    """UCID_KAFKA, "host:port,…": the log, which is the truth. Default: the local stack's."""

    redis_url: str
    """UCID_REDIS, "redis://…", "rediss://…" or "unix://…": the speed view. Default: the local stack's."""

    generations: Path
    """UCID_GENERATIONS: the directory of the batch views; readers map its files into memory.
    Default: `generations` of the local stack."""

    delta: Path
    """UCID_DELTA: the directory of the tables that Spark keeps. Default: `delta` of the local stack."""

    id_key: bytes = field(repr=False)
    """UCID_ID_KEY, at least 32 characters: the secret that customer ids are made with. Another key
    makes other ids, so keep it as long as the data. Default: the local stack's own, random."""

    tenant: str = TENANT
    """UCID_TENANT: letters, digits, _ and -, for it is part of keys, topics and paths."""

    http_host: str = HOST
    """UCID_HTTP, "host:port" or "port". Nobody else's machine gets an answer unless you say so."""

    http_port: int = HTTP_PORT
    """See `http_host`. Default: the port the local stack's server has, else the usual one."""

    @classmethod
    def load(cls, env: Mapping[str, str] = os.environ) -> Self:
        """The settings in force. Raises SettingsError, and HomeError if the local state is damaged."""
        home = default_home(env)
        state = State.load(home)
        host, port = _http(env, state)
        return cls(
            home=home,
            cache=default_cache(env),
            kafka=env.get("UCID_KAFKA") or _local(state, "kafka", "UCID_KAFKA", "host:port"),
            redis_url=env.get("UCID_REDIS") or _local(state, "redis", "UCID_REDIS", "redis://host:port/0"),
            generations=_directory(env, "UCID_GENERATIONS", home, state.generations),
            delta=_directory(env, "UCID_DELTA", home, state.delta),
            id_key=_key(env, home),
            tenant=_tenant(env),
            http_host=host,
            http_port=port,
        )


def _local(state: State, name: str, variable: str, form: str) -> str:
    address = state.address(name)
    if address is None or name not in state.processes:
        raise _missing(variable, form, f"no {name} runs in {state.home}")
    return address


def _directory(env: Mapping[str, str], variable: str, home: Path, local: Path) -> Path:
    if given := env.get(variable):
        return Path(given).expanduser().absolute()
    if not local.is_dir():
        raise _missing(variable, "a directory", f"there is no local stack in {home}")
    return local


def _key(env: Mapping[str, str], home: Path) -> bytes:
    if "UCID_ID_KEY" in env:
        key, source = env["UCID_ID_KEY"].strip(), "UCID_ID_KEY"
    elif (path := identity_key(home)).is_file():
        key, source = path.read_text().strip(), str(path)
    else:
        raise _missing("UCID_ID_KEY", "a secret", f"there is no local stack in {home}")
    if len(key) < SHORTEST_KEY:
        raise SettingsError(
            f"{source} is {len(key)} characters long, and needs at least {SHORTEST_KEY}: "
            "`openssl rand -hex 32` makes a good one."
        )
    return key.encode()


def _tenant(env: Mapping[str, str]) -> str:
    tenant = env.get("UCID_TENANT") or TENANT
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", tenant):
        raise SettingsError(
            f"UCID_TENANT is {tenant!r}: use up to 63 letters, digits, _ and -, a letter or digit first."
        )
    return tenant


def _http(env: Mapping[str, str], state: State) -> tuple[str, int]:
    given = env.get("UCID_HTTP")
    if not given:
        return HOST, state.ports.get("http", HTTP_PORT)
    host, colon, port = given.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 2**16 or (colon and not host):
        raise SettingsError(f"UCID_HTTP is {given!r}: write a port, or host:port, such as 127.0.0.1:8080.")
    return host.strip("[]") or HOST, int(port)


def _missing(variable: str, form: str, why: str) -> SettingsError:
    return SettingsError(f"{variable} is not set, and {why}: run `ucid up`, or set {variable} to {form}.")
