"""Secrets: in a variable, or in a file that a variable names, as container platforms mount them."""

from collections.abc import Mapping
from pathlib import Path

from deploy.errors import SettingsError


def secret(env: Mapping[str, str], variable: str) -> str | None:
    """What `variable`, or the file that `variable`_FILE names, holds; None where neither is set.

    Raises SettingsError where both are, or the file cannot be read or is empty; never with the secret.
    """
    named = f"{variable}_FILE"
    path = env.get(named)
    if not path:
        return env.get(variable)
    if env.get(variable):
        raise SettingsError(f"{variable} and {named} are both set: keep one of them.")
    try:
        # Editors end a file with a line feed that is no part of a password.
        found = Path(path).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{named} is {path!r}, which cannot be read: {why}.") from None
    if not found:
        raise SettingsError(f"{named} is {path!r}, which is empty.")
    return found
