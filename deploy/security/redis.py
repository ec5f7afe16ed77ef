"""Where Redis is, and how to connect: one URL, and what does not belong into a URL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import SplitResult, urlsplit

from deploy.errors import SettingsError
from deploy.security.secret import secret
from deploy.security.tls import Tls

TIMEOUT = 5.0

_SCHEMES = ("redis", "rediss", "unix")


@dataclass(frozen=True, slots=True)
class RedisSecurity:
    """What the URL does not say: the password where it is kept apart, TLS, and patience in seconds."""

    password: str | None = field(default=None, repr=False)
    tls: Tls = field(default_factory=Tls)
    timeout: float = TIMEOUT

    @classmethod
    def load(cls, env: Mapping[str, str]) -> Self:
        """Read what belongs to UCID_REDIS. Raises SettingsError, which never quotes its password."""
        url = env.get("UCID_REDIS") or ""
        parts = _parts(url)
        if url and parts.scheme not in _SCHEMES:
            raise SettingsError("UCID_REDIS is no URL: begin it with redis://, rediss:// (TLS) or unix://.")
        password = secret(env, "UCID_REDIS_PASSWORD")
        if password and not url:
            raise SettingsError(
                "UCID_REDIS_PASSWORD is set, but UCID_REDIS is not: the local Redis has none."
            )
        if password and parts.password:
            raise SettingsError("UCID_REDIS_PASSWORD is set, and UCID_REDIS holds a password: keep one.")
        tls = Tls.load(env, "REDIS", used=parts.scheme == "rediss", instead="begin UCID_REDIS with rediss://")
        return cls(password or None, tls, _seconds(env))

    def options(self) -> dict[str, Any]:
        """These settings as redis-py's arguments; what its URL says wins over them."""
        tls = self.tls
        named = {
            "password": self.password,
            "ssl_ca_certs": tls.ca and str(tls.ca),
            "ssl_certfile": tls.certificate and str(tls.certificate),
            "ssl_keyfile": tls.key and str(tls.key),
        }
        return {key: value for key, value in named.items() if value is not None}


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        # Raises where it is no number, but the rest of a password with a / in it; so is an @ in the path.
        _ = parts.port
        if parts.scheme == "unix" or "@" not in parts.path:
            return parts
    except ValueError:
        pass
    raise SettingsError(
        "UCID_REDIS cannot be read: write redis://user:password@host:port/0, with / as %2F, @ as %40, "
        "# as %23 and : as %3A where they are part of a password; or use UCID_REDIS_PASSWORD."
    )


def _seconds(env: Mapping[str, str]) -> float:
    given = env.get("UCID_REDIS_TIMEOUT")
    if not given:
        return TIMEOUT
    try:
        seconds = float(given)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds <= 600:  # noqa: PLR2004 - also refuses NaN
        raise SettingsError(f"UCID_REDIS_TIMEOUT is {given!r}: write seconds, from 0.1 to 600.")
    return seconds
