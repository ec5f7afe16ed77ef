"""The HTTP server's door: TLS, keys, an identity provider, the audit log; and its processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from deploy.errors import SettingsError
from deploy.security.tls import Tls

WORKERS = 1


@dataclass(frozen=True, slots=True)
class Oidc:
    """Whose bearer tokens count: issued by `issuer`, for `audience`, signed with a key found at `jwks`."""

    issuer: str
    audience: str
    jwks: str


@dataclass(frozen=True, slots=True)
class Access:
    """Paths are None where the home's own are to be used: see `Settings.keys` and its like."""

    workers: int = WORKERS
    tls: Tls = field(default_factory=Tls)
    keys: Path | None = None
    audit: Path | None = None
    anchors: Path | None = None
    history: Path | None = None
    oidc: Oidc | None = None

    @classmethod
    def load(cls, env: Mapping[str, str]) -> Self:
        """Read what belongs to the HTTP server. Raises SettingsError."""
        tls = Tls.load(env, "HTTP", used=True, instead="")
        if tls.ca and not tls.certificate:
            raise SettingsError(
                "UCID_HTTP_CA is set, and UCID_HTTP_CERT is not: without TLS nobody shows one."
            )
        return cls(
            _count(env),
            tls,
            _path(env, "UCID_KEYS"),
            _path(env, "UCID_AUDIT"),
            _path(env, "UCID_AUDIT_ANCHORS"),
            _path(env, "UCID_HISTORY"),
            _oidc(env),
        )


def _count(env: Mapping[str, str]) -> int:
    given = env.get("UCID_HTTP_WORKERS") or str(WORKERS)
    if not given.isdecimal() or not 0 < int(given) <= 64:  # noqa: PLR2004 - more than any node's cores
        raise SettingsError(f"UCID_HTTP_WORKERS is {given!r}: write a number of processes, from 1 to 64.")
    return int(given)


def _path(env: Mapping[str, str], variable: str) -> Path | None:
    given = env.get(variable)
    return Path(given).expanduser().absolute() if given else None


_OIDC = ("UCID_OIDC_ISSUER", "UCID_OIDC_AUDIENCE", "UCID_OIDC_JWKS")


def _oidc(env: Mapping[str, str]) -> Oidc | None:
    issuer, audience, jwks = given = [env.get(variable) for variable in _OIDC]
    if not any(given):
        return None
    for variable, value in zip(_OIDC, given, strict=True):
        if not value:
            raise SettingsError(f"{variable} is not set: an identity provider needs {', '.join(_OIDC)}.")
    assert issuer and audience and jwks, "that was looked at"  # noqa: PT018
    url = urlsplit(jwks)
    if url.scheme != "https" and url.hostname not in {"127.0.0.1", "localhost", "::1"}:
        raise SettingsError(
            "UCID_OIDC_JWKS has to begin with https://: keys from elsewhere could be anybody's."
        )
    return Oidc(issuer, audience, jwks)
