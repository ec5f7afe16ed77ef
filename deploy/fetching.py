"""Getting what stands at a URL that we made or checked: one answer, small, soon, and no other address."""

import httpx

from schemas import Unavailable

# Bytes, and seconds for each step: a certificate has two thousand, and a service waits for our answer.
_MOST = 1 << 16
_PATIENCE_S = 3.0


def fetch(url: str) -> bytes:
    """The answer's bytes. Redirects are not followed.

    Raises Unavailable.
    """
    try:
        with httpx.stream("GET", url, timeout=_PATIENCE_S, follow_redirects=False) as answer:
            if not answer.is_success:
                raise Unavailable(f"{answer.url.host} answers with status {answer.status_code}")
            body = bytearray()
            for some in answer.iter_bytes(_MOST):
                body += some
                if len(body) > _MOST:
                    raise Unavailable(f"{answer.url.host} answers with more than {_MOST} bytes")
            return bytes(body)
    except httpx.HTTPError as error:
        raise Unavailable(f"{httpx.URL(url).host} cannot be reached: {type(error).__name__}") from None
