"""Changing the file of API keys, while servers read it."""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from deploy.local.files import locked, write_whole
from serving_layer.access.keys import Key, KeyFile, Secret, digest, load, new_secret
from serving_layer.access.principal import SCOPES

DEMO_SECRET = "demo.key"  # noqa: S105 - a file's name, in a home


@contextmanager
def changed(path: Path) -> Iterator[dict[str, Key]]:
    """All keys by id, to change; what is left is written, whole, when the context ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_name(f".{path.name}.lock")):
        keys = {key.id: key for key in load(path).keys}
        yield keys
        write_whole(path, msgspec.json.format(msgspec.json.encode(KeyFile(keys=tuple(keys.values())))))


def ensure_demo_key(path: Path, home: Path, tenant: str) -> None:
    """A key for whoever can read the home, where there are no keys yet. Its secret is a file of the home.

    It may do everything, and a server that others can reach does not start with it.
    """
    if load(path).keys:
        return
    secret = new_secret()
    write_whole(home / DEMO_SECRET, f"{secret}\n".encode())
    key = Key(
        id=f"k_{secrets.token_hex(5)}",
        name="demo",
        tenant=tenant,
        scopes=tuple(SCOPES),
        secrets=(Secret(sha256=digest(secret)),),
        rate=0,
        unknown=0,
        created=int(time.time()),
        demo=True,
    )
    with changed(path) as keys:
        keys[key.id] = key
