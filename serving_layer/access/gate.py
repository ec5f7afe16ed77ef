"""The gate: from an Authorization header to who asks, or a refusal that tells nothing.

No header, an unknown secret, an expired one and a token of somebody else's issuer get the same answer.
"""

from typing import Final

from serving_layer.access.keys import PREFIX, KeyRing, digest
from serving_layer.access.oidc import Tokens
from serving_layer.access.principal import Principal
from serving_layer.errors import Refused

_BEARER: Final = "Bearer "
_UNKNOWN: Final = "no valid key or token: send 'Authorization: Bearer …'"


def key_in(header: str) -> str | None:
    """The hash of the key's secret in an Authorization header, where there is one."""
    secret = header.removeprefix(_BEARER)
    return digest(secret) if secret != header and secret.startswith(PREFIX) else None


class Gate:
    """Checks keys, and tokens where an issuer is configured."""

    def __init__(self, keys: KeyRing, tokens: Tokens | None = None) -> None:
        self._keys = keys
        self._tokens = tokens

    def holder(self, hash_: str, scope: str) -> Principal | None:
        """Who holds the key whose secret has this hash, if he may; None is for `pass_` to say."""
        principal = self._keys.holder(hash_)
        return principal if principal is not None and scope in principal.scopes else None

    async def pass_(self, header: str | None, scope: str) -> Principal:
        """Who asks, if he may. Raises Refused (401, 403), and Unavailable."""
        principal: Principal | None = None
        if header is not None and header.startswith(_BEARER):
            secret = header[len(_BEARER) :]
            if secret.startswith(PREFIX):
                principal = self._keys.find(secret)
            elif self._tokens is not None:
                principal = await self._tokens.find(secret)
        if principal is None:
            raise Refused(401, _UNKNOWN, "key", {"www-authenticate": "Bearer"})
        if scope not in principal.scopes:
            raise Refused(403, f"this needs the scope {scope!r}", "scope")
        return principal


def spend(principal: Principal, count: int) -> None:
    """Take so many identifiers from the rate. Raises Refused (429)."""
    if not principal.rate.take(count):
        _too_many(principal.rate.wait(count), "too many identifiers a second for this key", "rate")
    if not principal.unknown.has(1):
        _guesses(principal)


def account(principal: Principal, unknown: int) -> None:
    """Take unknown identifiers from what the day allows, before anything is answered. Raises Refused (429).

    Where less is left, nobody is told which were known: else a last list would tell of a thousand more.
    """
    if unknown and not principal.unknown.take(unknown):
        principal.unknown.empty()
        _guesses(principal)


def _guesses(principal: Principal) -> None:
    text = "too many identifiers of this key were unknown: it looks as if somebody guessed"
    _too_many(principal.unknown.wait(1), text, "enumeration")


def _too_many(wait: float, text: str, reason: str) -> None:
    raise Refused(429, text, reason, {"retry-after": str(max(1, min(round(wait), 86_400)))})
