"""The files of a load: found, and copied to where Spark reads them while their content is hashed.

What is hashed is what is read, whatever happens to the original meanwhile; and Spark, which takes some
names for patterns and others for hidden files, gets to see plain names.
"""

import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from glob import glob
from pathlib import Path

from batch_layer.sources.errors import Unreadable

_CHUNK = 1 << 20
# Endings by which Spark knows how a file is packed.
_PACKED = (".gz", ".bz2", ".zst", ".lz4", ".snappy", ".deflate")


@dataclass(frozen=True, slots=True)
class File:
    """One file: its name as given, bytes, SHA-256 in hexadecimal, and the copy that is read."""

    name: str
    size: int
    sha256: str
    copy: Path


@dataclass(frozen=True, slots=True)
class Export:
    """What was written in one go: a file, or a directory of parts."""

    name: str
    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """All its bytes."""
        return sum(file.size for file in self.files)

    @property
    def sha256(self) -> str:
        """Names its content; the names and the order of its parts do not count."""
        if len(self.files) == 1:
            return self.files[0].sha256
        return hashlib.sha256("".join(sorted(file.sha256 for file in self.files)).encode()).hexdigest()


def found(patterns: Iterable[str]) -> list[Path]:
    """The exports that patterns mean, each once; those of one pattern by name. Raises Unreadable."""
    paths: dict[Path, None] = {}
    for pattern in patterns:
        matched = [Path(pattern)] if Path(pattern).exists() else sorted(map(Path, glob(pattern)))  # noqa: PTH207
        if not matched:
            raise Unreadable(f"{pattern}: there is no such file: give its path, or correct 'files'")
        paths.update(dict.fromkeys(matched))
    return list(paths)


def copied(path: Path, into: Path) -> Export:
    """Copy an export into a directory, which is made anew. Raises Unreadable."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    parts = [path] if not path.is_dir() else _parts(path)
    return Export(str(path), tuple(_copied(p, into / f"{i:06d}{_packed(p)}") for i, p in enumerate(parts)))


def _parts(path: Path) -> list[Path]:
    # As Spark writes a table: parts, and files about them that begin with one of these.
    parts = sorted(p for p in path.iterdir() if p.is_file() and p.name[0] not in "._")
    if not parts:
        raise Unreadable(f"{path}: is an empty directory: name the one that holds the parts of an export")
    return parts


def _copied(path: Path, copy: Path) -> File:
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as source, copy.open("wb") as target:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                target.write(chunk)
    except OSError as error:
        raise Unreadable(f"{path}: cannot be read: {error.strerror}") from error
    return File(str(path), size, digest.hexdigest(), copy)


def _packed(path: Path) -> str:
    return path.suffix.lower() if path.suffix.lower() in _PACKED else ""
