"""The directory that holds everything of one local stack, and proof that it does."""

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from deploy.local.errors import HomeError
from deploy.local.files import locked, write_whole

MARKER = ".ucid-home"  # also the file that is locked


def default_home(env: Mapping[str, str] = os.environ) -> Path:
    """Where the stack lives: $UCID_HOME, else ~/.ucid."""
    return Path(env.get("UCID_HOME") or "~/.ucid").expanduser().absolute()


def default_cache(env: Mapping[str, str] = os.environ) -> Path:
    """Where fetched jars are kept: $UCID_CACHE, else $XDG_CACHE_HOME/ucid, else ~/.cache/ucid."""
    shared = Path(env.get("XDG_CACHE_HOME") or "~/.cache") / "ucid"
    return Path(env.get("UCID_CACHE") or shared).expanduser().absolute()


def is_home(root: Path) -> bool:
    """Whether a directory is a ucid home. Raises HomeError if it holds something else."""
    if (root / MARKER).is_file():
        return True
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise HomeError(
            f"{root} is not a ucid home, and not empty: it is left alone. "
            "Set UCID_HOME to a directory that does not exist yet."
        )
    return False


@contextmanager
def claimed(root: Path) -> Iterator[None]:
    """Work on a home, created if need be, as the only one; others wait.

    Raises HomeError if the directory holds something else.
    """
    is_home(root)
    with locked(root / MARKER):
        yield


def identity_key(root: Path) -> Path:
    """The file of a home with the secret that customer ids are made with."""
    return root / "id.key"


def ensure_identity_key(root: Path) -> None:
    """Generate that secret, once: others would make other ids. Only its owner can read it (mode 0600)."""
    if not identity_key(root).exists():
        write_whole(identity_key(root), f"{secrets.token_hex(32)}\n".encode())


def delete(root: Path) -> None:
    """Delete a home that the caller has claimed. Raises HomeError if it is none."""
    if not is_home(root):
        return
    # The marker goes last: a wipe cut short can be repeated.
    for entry in root.iterdir():
        if entry.name == MARKER:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    (root / MARKER).unlink()
    if not root.is_symlink():
        root.rmdir()
