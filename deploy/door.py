"""What must hold before the HTTP server opens to others than this machine."""

import ipaddress
from itertools import pairwise

from deploy.settings import Settings, SettingsError
from serving_layer.access.keys import load

# Different characters that a random key of 32 has: hexadecimal ones, the poorest alphabet in use, have 13 or
# more but once in a thousand times. What people type over and over has fewer.
FEWEST_CHARACTERS = 9


def check(settings: Settings) -> None:
    """Refuse default and made-up secrets, unless nobody but this machine can ask. Raises SettingsError."""
    if _is_local(settings.http_host):
        return
    if demo := [key.id for key in load(settings.keys).keys if key.demo]:
        raise SettingsError(
            f"UCID_HTTP is {settings.http_host}, and {demo[0]} of {settings.keys} is the demo's key: "
            f"'ucid keys revoke {demo[0]}' first, and 'ucid keys create' one of your own."
        )
    if not _is_random(settings.id_key):
        raise SettingsError(
            f"UCID_HTTP is {settings.http_host}, and UCID_ID_KEY looks like an example: "
            "`openssl rand -hex 32` makes a good one."
        )


def _is_local(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_random(key: bytes) -> bool:
    runs = sum(abs(a - b) <= 1 for a, b in pairwise(key))
    return len(set(key)) >= FEWEST_CHARACTERS and runs <= len(key) // 2
