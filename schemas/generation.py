"""A generation: the immutable directory that the batch layer publishes and the other two read.

    generations/
      g00000001/
        manifest.json          what it is: cut-off, as_of, rules, counts, checksums
        shard-0000.mdb …       LMDB, memory-mapped: key -> record (schemas.records), or the block that
                               holds it (schemas.blocks)
        report.json, .html     what the run has to say for itself; no reader needs them
        counted-….json         what the run counted, by tenant (schemas.counted); likewise
      USE                      where it is there: the number that readers are held at (docs/decisions/0009)

How one is published, so that it is there completely or not at all:

1. Shards are written into `.building-*`, a name that no reader looks at, each synced to disk.
2. The manifest, with a checksum of every shard, is written there and synced.
3. The directory is renamed to `gNNNNNNNN`, and the parent synced. The rename is the publication.

A writer that dies before 3 leaves a `.building-*` directory that the next run removes.
"""

import hashlib
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock, local
from typing import Any, Self, cast
from weakref import WeakValueDictionary

import lmdb
import msgspec

from schemas import blocks
from schemas.durable import sync_directory
from schemas.errors import SchemaError
from schemas.records import FORMAT

_NAME = re.compile(r"g(\d{8})")
_MANIFEST = "manifest.json"
_SCRATCH = ".writing-"

# A file beside the generations with the number of the one that readers are to stand on.
PIN = "USE"

# A file of the generation: what its run has to say for itself.
REPORT = "report.json"

# Blocks that a scan keeps open: the far links of an identifier are spread over few.
_BLOCKS = 256

# An upper bound for the address space of one shard; a sparse file costs only what is written.
_MAP_SIZE = 1 << 36

Offsets = dict[str, dict[int, int]]


class BrokenGeneration(SchemaError):
    """A generation that is not what its manifest says."""


class Shard(msgspec.Struct, frozen=True):
    """One file of a generation."""

    file: str
    entries: int
    size: int  # in bytes
    blake2b: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a generation is.

    `offsets` is the exclusive cut-off by topic and partition, `loads` the last load of slow sources that is
    in it; `as_of` (microseconds) the moment at which ages were judged, None where nothing was known; `rules`
    the YAML text, so that the speed view on top always resolves by the rules of its generation; `tables` the
    Delta version of each table that goes with it. Whoever was erased up to `erased` (microseconds) is not in
    it; 0: of erasures nothing was known.
    """

    generation: int
    offsets: Offsets
    loads: int = 0
    erased: int = 0
    as_of: int | None
    rules: str
    fingerprint: str
    counts: dict[str, int] = {}
    tables: dict[str, int] = {}
    shards: list[Shard] = []
    format: int = FORMAT


def numbers(root: Path) -> list[int]:
    """The complete generations below `root`, oldest first."""
    if not root.is_dir():
        return []
    return sorted(int(match[1]) for entry in root.iterdir() if (match := _NAME.fullmatch(entry.name)))


def pinned(root: Path) -> int | None:
    """The generation that readers are held at by `pin`, if any."""
    try:
        return int((root / PIN).read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return None


def pin(root: Path, number: int | None) -> None:
    """Hold readers at a generation; None lets them on to the newest, now and from then on."""
    if number is None:
        (root / PIN).unlink(missing_ok=True)
    else:
        draft = root / f".{PIN}.draft"
        draft.write_text(f"{number}\n", encoding="ascii")
        draft.replace(root / PIN)
    sync_directory(root)


def wanted(root: Path) -> int | None:
    """The generation that readers should stand on: the pinned one if it is there, else the newest."""
    known, held = numbers(root), pinned(root)
    return held if held in known else max(known, default=None)


def path_of(root: Path, number: int) -> Path:
    """The directory of a generation."""
    return root / f"g{number:08d}"


def shard_of(key: bytes, count: int) -> int:
    """Which of `count` shards holds a key."""
    return zlib.crc32(key) % count


class Builder:
    """Writes one generation; see the protocol above. Use as a context manager: leaving cleans up."""

    def __init__(self, root: Path, number: int) -> None:
        self._root = root
        self._target = path_of(root, number)
        root.mkdir(parents=True, exist_ok=True)
        for stale in root.glob(".building-*"):
            shutil.rmtree(stale)
        self.directory = Path(tempfile.mkdtemp(prefix=".building-", dir=root))
        self.directory.chmod(0o755)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)

    def publish(self, manifest: Manifest) -> None:
        """Steps 2 and 3. Raises FileExistsError where this generation was published before."""
        if self._target.exists():
            raise FileExistsError(f"{self._target} is published already")
        for scratch in self.directory.glob(f"{_SCRATCH}*"):
            shutil.rmtree(scratch)  # of a task that was killed and tried again
        with (self.directory / _MANIFEST).open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(manifest)))
            os.fsync(file.fileno())
        sync_directory(self.directory)
        self.directory.rename(self._target)
        sync_directory(self._root)


def write_shard(directory: Path, index: int, entries: Iterable[tuple[bytes, bytes]]) -> Shard:
    """Step 1, for one shard; may run in any process that sees `directory`.

    `entries` are as `schemas.blocks` makes them. Keys in ascending order are written fastest, and fill their
    pages. A shard that was written before (a task that is tried again) is replaced.
    """
    scratch = Path(tempfile.mkdtemp(prefix=_SCRATCH, dir=directory))
    count = 0
    with lmdb.open(str(scratch), map_size=_MAP_SIZE, sync=False, lock=False) as environment:
        with environment.begin(write=True, buffers=False) as transaction:
            for key, value in entries:
                if not transaction.put(key, value, append=True):
                    transaction.put(key, value)
                count += 1
        environment.sync(True)
    file = directory / f"shard-{index:04d}.mdb"
    (scratch / "data.mdb").replace(file)
    shutil.rmtree(scratch)
    return Shard(file.name, count, file.stat().st_size, _checksum(file))


Reader = Callable[[bytes], bytes | None]


class Generation:
    """A published generation, open for reading; made by `open_generation`. Threads may share it."""

    def __init__(self, root: Path, number: int) -> None:
        self.directory = path_of(root, number)
        try:
            manifest = (self.directory / _MANIFEST).read_bytes()
            self.manifest = msgspec.json.decode(manifest, type=Manifest)
        except (OSError, msgspec.DecodeError) as error:
            raise BrokenGeneration(f"{self.directory}: no usable manifest: {error}") from error
        if self.manifest.format != FORMAT:
            raise BrokenGeneration(
                f"{self.directory}: has format {self.manifest.format} where {FORMAT} is read: run a batch"
            )
        self.number = number
        self._shards = [self._open(shard) for shard in self.manifest.shards]
        self._recent = blocks.Recent()
        self._of_thread = local()

    def _open(self, shard: Shard) -> lmdb.Environment:
        file = self.directory / shard.file
        size = file.stat().st_size if file.exists() else 0
        if size != shard.size:
            # Reading mapped memory beyond a file's end would end the process.
            raise BrokenGeneration(f"{file}: has {size} bytes of {shard.size}: restore it, or run a batch")
        try:
            return lmdb.open(str(file), subdir=False, readonly=True, lock=False, readahead=False)
        except lmdb.Error as error:
            raise BrokenGeneration(f"{file}: cannot be opened: {error}") from error

    def verify(self) -> None:
        """Compare every shard with its checksum. Raises BrokenGeneration."""
        for shard in self.manifest.shards:
            if _checksum(self.directory / shard.file) != shard.blake2b:
                raise BrokenGeneration(f"{self.directory / shard.file}: differs from its checksum")

    def report(self) -> dict[str, Any] | None:
        """What the run that made it had to say for itself, in figures; None where there is no such report."""
        try:
            found = msgspec.json.decode((self.directory / REPORT).read_bytes())
        except (OSError, msgspec.DecodeError):
            return None
        return found if isinstance(found, dict) else None

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """The records of those keys that are there."""
        entries = self._entries(keys)
        names = {name for value in entries.values() if (name := blocks.block_of(value)) is not None}
        read = self._recent.read(names, self._entries)
        return {key: blocks.record_of(value, read.__getitem__) for key, value in entries.items()}

    def record(self, key: bytes) -> bytes | None:
        """The record of one key, if it is there."""
        return self.record_and_block(key)[0]

    def record_and_block(self, key: bytes) -> tuple[bytes | None, Sequence[bytes]]:
        """The same, and all records of its block if it is in one: mostly its customer's is among them."""
        value = self._entry(key)
        if value is None:
            return None, ()
        name = blocks.block_of(value)
        if name is None:
            return value[1:], ()
        block = self._block(name)
        return block[value[1]], block

    def blocks_of(self, keys: Iterable[bytes]) -> set[bytes]:
        """The keys of the blocks that hold the records of those keys."""
        return {
            name for value in self._entries(keys).values() if (name := blocks.block_of(value)) is not None
        }

    def has(self, keys: Iterable[bytes]) -> bool:
        """Whether one of these keys, of records or of blocks, is there."""
        return bool(self._entries(keys))

    def files(self) -> list[Path]:
        """Its shards, in their order."""
        return [self.directory / shard.file for shard in self.manifest.shards]

    def _entries(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        readers = self._readers()
        count = len(readers)
        if not count:
            return {}
        return {key: value for key in keys if (value := readers[shard_of(key, count)](key)) is not None}

    def _entry(self, key: bytes) -> bytes | None:
        readers = self._readers()
        return readers[shard_of(key, len(readers))](key) if readers else None

    def _readers(self) -> "list[Reader]":
        """This thread's reads of each shard: who never changes is read in one transaction for good."""
        readers: list[Reader] | None = getattr(self._of_thread, "readers", None)
        if readers is None:
            readers = [cast("Reader", shard.begin().get) for shard in self._shards]
            self._of_thread.readers = readers
        return readers

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """All records whose key begins with `prefix`."""
        block = lru_cache(maxsize=_BLOCKS)(self._block)
        for shard in self._shards:
            with shard.begin() as transaction, transaction.cursor() as cursor:
                if not cursor.set_range(prefix):
                    continue
                for key, value in cursor:
                    if not key.startswith(prefix):
                        break
                    if not key.startswith(blocks.PREFIX):
                        yield key, blocks.record_of(value, block)

    def keys(self, prefix: bytes, shard: int = 0, after: bytes = b"") -> Iterator[tuple[int, bytes]]:
        """Keys that begin with `prefix`, each with its shard: shard by shard, ascending in each.

        Begins behind the key `after` of that shard, so that who stopped there can go on.
        """
        for index in range(shard, len(self._shards)):
            behind = after if index == shard else b""
            with self._shards[index].begin() as transaction, transaction.cursor() as cursor:
                if not cursor.set_range(behind or prefix):
                    continue
                for key in cursor.iternext(keys=True, values=False):
                    if not key.startswith(prefix):
                        break
                    if key != behind:
                        yield index, key

    def _block(self, name: bytes) -> list[bytes]:
        return blocks.unpacked(cast("bytes", self._entry(name)))


# LMDB forbids opening one file twice in a process; whoever asks again gets the one that is open.
_OPEN: WeakValueDictionary[Path, Generation] = WeakValueDictionary()
_OPENING = Lock()


def open_generation(root: Path, number: int) -> Generation:
    """The generation of that number. Raises BrokenGeneration, also where there is none."""
    path = path_of(root, number).resolve()
    with _OPENING:
        generation = _OPEN.get(path)
        if generation is None:
            generation = _OPEN[path] = Generation(root, number)
        return generation


def _checksum(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
