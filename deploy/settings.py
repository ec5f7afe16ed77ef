"""Every setting of ucid in one place: its default, and why.

Importing this loads no client of Kafka, Redis or Spark, so that commands start quickly.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from deploy.errors import SettingsError
from deploy.local.home import default_cache, default_home, identity_key, is_home
from deploy.local.state import HOST, State
from deploy.security import Access, KafkaSecurity, RedisSecurity, secret

__all__ = ["Address", "Settings", "SettingsError"]

TENANT = "default"
HTTP_PORT = 8080
WEBHOOKS_PORT = 8081
GENERATIONS_KEPT = 5
HISTORY_DAYS = 30
SHORTEST_KEY = 32  # characters: with fewer, who knows an identifier could find the key by trying

# Where a server listens: host and port.
Address = tuple[str, int]


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

    redis_url: str = field(repr=False)
    """UCID_REDIS, "redis://…", "rediss://…" or "unix://…": the speed view; may hold a user and a password.
    Default: the local stack's."""

    generations: Path
    """UCID_GENERATIONS: the directory of the batch views; readers map its files into memory.
    Default: `generations` of the local stack."""

    delta: Path
    """UCID_DELTA: the directory of the tables that Spark keeps. Default: `delta` of the local stack."""

    id_key: bytes = field(repr=False)
    """UCID_ID_KEY or UCID_ID_KEY_FILE, at least 32 characters: the secret that customer ids are made with.
    Another key makes other ids, so keep it as long as the data. Default: the local stack's own, random."""

    generations_kept: int = GENERATIONS_KEPT
    """UCID_GENERATIONS_KEPT, 2 or more: how many generations a run leaves to go back to. Those that readers
    stand on, or are held at, stay in any case."""

    history_days: int = HISTORY_DAYS
    """UCID_HISTORY_DAYS, 1 or more: how far back tables can be read as they were."""

    tenant: str = TENANT
    """UCID_TENANT: letters, digits, _ and -, for it is part of keys, topics and paths."""

    http_host: str = HOST
    """UCID_HTTP, "host:port" or "port". Nobody else's machine gets an answer unless you say so."""

    http_port: int = HTTP_PORT
    """See `http_host`. Default: the port the local stack's server has, else the usual one."""

    speed_http: Address | None = None
    """UCID_SPEED_HTTP, "host:port", "port" or "off": where a worker tells its health and metrics. Off by
    default, for several workers on a machine would want the same port; `ucid up` chooses a free one."""

    webhooks: Path | None = None
    """UCID_WEBHOOKS: the file that names the endpoints of e-mail services. Only `ucid webhooks` needs it."""

    webhooks_http: Address = (HOST, WEBHOOKS_PORT)
    """UCID_WEBHOOKS_HTTP, "host:port" or "port": where `ucid webhooks` listens."""

    kafka_security: KafkaSecurity = field(default_factory=KafkaSecurity)
    """UCID_KAFKA_SECURITY, _SASL, _USER, _PASSWORD, _CA, _CERT and _KEY. Default: plaintext."""

    redis_security: RedisSecurity = field(default_factory=RedisSecurity)
    """UCID_REDIS_PASSWORD, _CA, _CERT, _KEY and _TIMEOUT."""

    webhook_key: str | None = field(default=None, repr=False)
    """UCID_WEBHOOK_KEY or UCID_WEBHOOK_KEY_FILE, "whsec_…": signs what triggers send to webhooks."""
    access: Access = field(default_factory=Access)
    """UCID_HTTP_WORKERS, _CERT, _KEY and _CA, UCID_KEYS, UCID_AUDIT, UCID_AUDIT_ANCHORS, UCID_HISTORY,
    UCID_OIDC_ISSUER, _AUDIENCE and _JWKS: who may ask the HTTP server, and what is noted about it."""

    @property
    def keys(self) -> Path:
        """The file of API keys. Default: the local stack's. Raises SettingsError where there is none."""
        return self.access.keys or self._own("keys.json", "UCID_KEYS", "a file")

    @property
    def audit(self) -> Path:
        """The directory of the audit log. Default: the local stack's. Raises SettingsError likewise."""
        return self.access.audit or self._own("audit", "UCID_AUDIT", "a directory")

    @property
    def anchors(self) -> Path:
        """The directory of the audit log's anchors. Default and errors are the same."""
        return self.access.anchors or self._own("anchors", "UCID_AUDIT_ANCHORS", "a directory elsewhere")

    @property
    def history(self) -> Path:
        """The file of what happened to customers, made from the log. Default and errors are the same."""
        return self.access.history or self._own("history.db", "UCID_HISTORY", "a file")

    def _own(self, name: str, variable: str, form: str) -> Path:
        if not is_home(self.home):
            raise _missing(variable, form, f"there is no local stack in {self.home}")
        return self.home / name

    @classmethod
    def load(cls, env: Mapping[str, str] = os.environ) -> Self:
        """The settings in force. Raises SettingsError, and HomeError if the local state is damaged."""
        home = default_home(env)
        state = State.load(home)
        host, port = _address(env, "UCID_HTTP") or (HOST, state.ports.get("http", HTTP_PORT))
        return cls(
            home=home,
            cache=default_cache(env),
            kafka=env.get("UCID_KAFKA") or _local(state, "kafka", "UCID_KAFKA", "host:port"),
            redis_url=env.get("UCID_REDIS") or _local(state, "redis", "UCID_REDIS", "redis://host:port/0"),
            generations=_directory(env, "UCID_GENERATIONS", home, state.generations),
            delta=_directory(env, "UCID_DELTA", home, state.delta),
            id_key=_key(env, home),
            generations_kept=_count(env, "UCID_GENERATIONS_KEPT", GENERATIONS_KEPT, least=2),
            history_days=_count(env, "UCID_HISTORY_DAYS", HISTORY_DAYS, least=1),
            tenant=_tenant(env),
            http_host=host,
            http_port=port,
            speed_http=None if env.get("UCID_SPEED_HTTP") == "off" else _address(env, "UCID_SPEED_HTTP"),
            webhooks=Path(given).expanduser() if (given := env.get("UCID_WEBHOOKS")) else None,
            webhooks_http=_address(env, "UCID_WEBHOOKS_HTTP") or (HOST, WEBHOOKS_PORT),
            kafka_security=KafkaSecurity.load(env),
            redis_security=RedisSecurity.load(env),
            webhook_key=secret(env, "UCID_WEBHOOK_KEY"),
            access=Access.load(env),
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
    if (given := secret(env, "UCID_ID_KEY")) is not None:
        key, source = given.strip(), "UCID_ID_KEY"
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


def _address(env: Mapping[str, str], variable: str) -> Address | None:
    given = env.get(variable)
    if not given:
        return None
    host, colon, port = given.rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 2**16 or (colon and not host):
        raise SettingsError(f"{variable} is {given!r}: write a port, or host:port, such as 127.0.0.1:8080.")
    return host.strip("[]") or HOST, int(port)


def _count(env: Mapping[str, str], variable: str, default: int, least: int) -> int:
    given = env.get(variable) or str(default)
    if not given.isdecimal() or int(given) < least:
        raise SettingsError(f"{variable} is {given!r}: write a whole number from {least} on.")
    return int(given)


def _missing(variable: str, form: str, why: str) -> SettingsError:
    return SettingsError(f"{variable} is not set, and {why}: run `ucid up`, or set {variable} to {form}.")
