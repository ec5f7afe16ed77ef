"""A trigger over HTTP, signed as Standard Webhooks are (https://www.standardwebhooks.com, version 1).

Receivers check it with a library of theirs: HMAC-SHA256 over id, timestamp and body, joined by dots.
"""

import base64
import binascii
import hmac
import time
from collections.abc import Callable

import aiohttp

# How a key is written, as receivers' libraries take it, and how many bytes it may have.
PREFIX = "whsec_"
KEY_BYTES = (24, 64)

# Seconds for a receiver to answer.
TIMEOUT_S = 10.0

_GOOD = range(200, 300)
# Too early, too many, or not asked in time: what may be better later, as every 5xx may.
_PASSING = (408, 425, 429)


class NotTaken(Exception):
    """A receiver did not take it; `for_good` where it will not, however often it is asked."""

    def __init__(self, why: str, *, for_good: bool) -> None:
        super().__init__(why)
        self.for_good = for_good


def key_of(text: str) -> bytes | None:
    """The bytes of a key that is written as `whsec_` and base64; None of anything else."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if text.startswith(PREFIX) and KEY_BYTES[0] <= len(key) <= KEY_BYTES[1] else None


def headers(key: bytes, message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """What signs a body; `timestamp` in whole seconds since the epoch."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{signature}",
    }


class Webhook:
    """Posts bodies, signed at the moment that they leave."""

    def __init__(self, key: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._clock = clock

    async def post(self, url: str, message_id: str, body: bytes) -> None:
        """Return once the receiver has taken it. Raises NotTaken."""
        signed = headers(self._key, message_id, int(self._clock()), body)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(url, data=body, headers=signed, allow_redirects=False) as response,
            ):
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NotTaken(type(error).__name__, for_good=False) from None
        if status not in _GOOD:
            passing = status in _PASSING or status >= 500  # noqa: PLR2004 - a server's own fault
            raise NotTaken(f"HTTP {status}", for_good=not passing)
