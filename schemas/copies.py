"""Generations from place to place, and off the disk: whole or not at all, like their publication."""

import os
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

from schemas.durable import sync_directory
from schemas.generation import BrokenGeneration, numbers, open_generation, path_of, pinned, wanted

_PART = ".fetching-"
_GONE = ".dropped-"


def fetch(source: Path, root: Path, number: int) -> bool:
    """Copy a generation from `source` to `root`; returns whether it was not there yet.

    A reader of `root` sees it when all of it is there and equals its checksums. Of two at once one wins.
    Raises BrokenGeneration, also where `source` has none of that number, and OSError.
    """
    if path_of(root, number).exists():
        return False
    if not path_of(source, number).is_dir():
        raise BrokenGeneration(f"{source} has no generation {number}: it has {_listed(source)}")
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=_PART, dir=root) as scratch:
        shutil.copytree(path_of(source, number), path_of(Path(scratch), number))
        open_generation(Path(scratch), number).verify()
        for file in path_of(Path(scratch), number).iterdir():
            _sync(file)
        try:
            path_of(Path(scratch), number).rename(path_of(root, number))
        except OSError:
            if not path_of(root, number).exists():
                raise
            return False
    sync_directory(root)
    return True


def prune(root: Path, keep: int, also: Collection[int]) -> list[int]:
    """Drop all but the newest `keep` generations, and those of `also`; returns the numbers of those dropped.

    The one that readers should stand on stays. A reader that has one open goes on reading it.
    """
    known = numbers(root)
    stay = {*known[-keep:], *also, wanted(root), pinned(root)}
    gone = [number for number in known if number not in stay]
    for number in gone:
        with tempfile.TemporaryDirectory(prefix=_GONE, dir=root) as scratch:
            # By one rename, so that nobody finds half of one.
            path_of(root, number).rename(path_of(Path(scratch), number))
    return gone


def sweep(root: Path) -> None:
    """Take away what copies left that were killed. Not while another one is at work."""
    for left in (*root.glob(f"{_PART}*"), *root.glob(f"{_GONE}*")):
        shutil.rmtree(left, ignore_errors=True)


def _listed(root: Path) -> str:
    return ", ".join(map(str, numbers(root))) or "none"


def _sync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
