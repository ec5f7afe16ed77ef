"""Bearer tokens of an identity provider: OpenID Connect, checked by PyJWT.

A token counts if the issuer signed it with a key of its published set, it is meant for us (`aud`), it has
not expired, and it names a tenant in the claim `tenant`. Its scopes are those of `scope` that we know.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Final

import jwt
from jwt import PyJWK, PyJWKClient
from jwt.exceptions import InvalidKeyError, PyJWKClientConnectionError, PyJWTError

from schemas.errors import Unavailable
from serving_layer.access.keys import RATE, UNKNOWN, digest
from serving_layer.access.principal import SCOPES, Principal

log = logging.getLogger(__name__)

# Signatures that only the issuer can make: none with a shared secret.
ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"]

# Seconds that clocks may differ, that the issuer may take to answer, and that its keys are kept.
LEEWAY_S: Final = 30
TIMEOUT_S: Final = 5
KEYS_S: Final = 300

# Seconds between two looks for a key that the issuer may have just begun to use.
REFRESH_S: Final = 10

# Tokens whose signature was checked and need not be again, at most.
REMEMBERED: Final = 10_000


class Tokens:
    """Who a token speaks for. Belongs to one event loop; `share` is `Principal`'s."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        jwks: str,
        share: int = 1,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._keys = PyJWKClient(jwks, timeout=TIMEOUT_S, lifespan=KEYS_S)
        self._share = share
        self._clock = clock
        self._refresh_at = 0.0
        self._known: dict[str, Principal] = {}
        # Budgets are a person's, however many tokens are handed out.
        self._people: dict[tuple[str, str], Principal] = {}

    async def find(self, token: str) -> Principal | None:
        """Whose it is, if it is valid now. Raises Unavailable where the issuer's keys cannot be had."""
        name = digest(token)
        known = self._known.get(name)
        if known is None:
            try:
                claims = await asyncio.to_thread(self._claims, token)
            except PyJWKClientConnectionError as error:
                log.warning("the keys of %s cannot be had: %s", self._issuer, type(error).__name__)
                raise Unavailable("the issuer of tokens does not answer: try again") from None
            except PyJWTError as error:
                log.info("a token was refused: %s", type(error).__name__)
                return None
            known = self._principal(claims)
            if known is None:
                return None
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[name] = known
        return known if known.expires is not None and self._clock() < known.expires + LEEWAY_S else None

    def _claims(self, token: str) -> dict[str, Any]:
        return jwt.decode(
            token,
            self._key(jwt.get_unverified_header(token).get("kid")),
            algorithms=ALGORITHMS,
            audience=self._audience,
            issuer=self._issuer,
            leeway=LEEWAY_S,
            options={"require": ["exp", "iss", "aud", "sub"]},
        )

    def _key(self, kid: str | None) -> PyJWK:
        """The issuer's key of that name. Names that are made up have its keys fetched now and then only."""
        found = PyJWKClient.match_kid(self._keys.get_signing_keys(), kid) if kid else None
        now = self._clock()
        if found is None and kid and now >= self._refresh_at:
            self._refresh_at = now + REFRESH_S
            found = PyJWKClient.match_kid(self._keys.get_signing_keys(refresh=True), kid)
        if found is None:
            raise InvalidKeyError("no key of the issuer has that name")
        return found

    def _principal(self, claims: dict[str, Any]) -> Principal | None:
        tenant, scope, subject = claims.get("tenant"), claims.get("scope", ""), claims["sub"]
        if not isinstance(tenant, str) or not tenant or not isinstance(scope, str):
            log.info("a token was refused: it lacks the claim tenant or scope")
            return None
        scopes = SCOPES.keys() & scope.split()
        person = self._people.get((subject, tenant))
        found = Principal(
            f"oidc:{subject}",
            subject,
            tenant,
            scopes,
            rate=RATE,
            unknown=UNKNOWN,
            share=self._share,
            expires=float(claims["exp"]),
        )
        if person is not None:
            found.rate, found.unknown = person.rate, person.unknown
        self._people[subject, tenant] = found
        return found
