"""TLS of one connection, as settings."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from deploy.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Tls:
    """PEM files of one connection: whom we trust (None: the system's authorities), and who we are."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @classmethod
    def load(cls, env: Mapping[str, str], name: str, *, used: bool, instead: str) -> Self:
        """Read UCID_<name>_CA, _CERT and _KEY; `instead` says what to do where TLS is not `used`.

        Raises SettingsError.
        """
        ca, certificate, key = (f"UCID_{name}_{part}" for part in ("CA", "CERT", "KEY"))
        for variable in (ca, certificate, key):
            if env.get(variable) and not used:
                raise SettingsError(f"{variable} is set, but the connection is not encrypted: {instead}.")
        for one, other in ((certificate, key), (key, certificate)):
            if env.get(one) and not env.get(other):
                raise SettingsError(f"{one} is set, and {other} is not: a client needs both, or neither.")
        return cls(_file(env, ca), _file(env, certificate), _file(env, key))


def _file(env: Mapping[str, str], variable: str) -> Path | None:
    given = env.get(variable)
    if not given:
        return None
    path = Path(given).expanduser().absolute()
    if not path.is_file() or not os.access(path, os.R_OK):
        raise SettingsError(f"{variable} is {given!r}: there is no such file, or we may not read it.")
    return path
