"""The audit log: who asked for whose data and when, so that no line can be changed or taken out unseen.

    audit/
      20261122T101500Z-4711-9f3c.jsonl      a file for each process, a line for a turn or two of its loop
    anchors/
      20261122T101500Z-4711-9f3c.json       how far that file had come, a second ago

Each line carries a keyed hash (HMAC-SHA-256) of itself and of the line before (Schneier & Kelsey, 1999), so
who does not have the key can neither change, insert, reorder nor remove a line. To cut off the end needs no
key; the anchor, which is to be kept elsewhere, tells that. People stand in it by their customer ids, which
are keyed hashes, too, and identifiers by one of their own (`Seal.of`); neither is a plain value.
"""

import asyncio
import hmac
import logging
import os
import secrets
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Final, Self

import msgspec

from identity import Identifier
from identity.keyed import Keyed
from schemas.errors import SchemaError

log = logging.getLogger(__name__)

# Seconds between two anchors, each after the file was synced: so much could be cut off unseen.
ANCHOR_S: Final = 1.0

# Bytes after which a file is ended and another begun.
MOST_BYTES: Final = 256 << 20

START: Final = "start"
END: Final = "end"


class AuditFailed(SchemaError):
    """The log cannot be written, so nothing may be answered that belongs into it."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One act: who, of which tenant, did what; `about` whom, and how many were asked for in all.

    Lookups that somebody made at once are one.
    """

    who: str
    tenant: str
    act: str
    about: list[str] = []
    asked: int = 0
    detail: dict[str, str] = {}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the file, as it is read; its seal covers `prior`, the line before's seal."""

    n: int
    at: str
    kind: str = ""
    entries: list[Entry] = []


class Seal:
    """What is made with the key."""

    def __init__(self, id_key: bytes) -> None:
        # A key of its own: what it makes can be mistaken for nothing else.
        self._key = Keyed(id_key).digest(b"ucid audit")
        self._keyed = Keyed(self._key)

    def next(self, prior: str, line: bytes) -> str:
        """The seal of a line after one with the seal `prior`."""
        return self._keyed.digest(b"%b\n%b" % (prior.encode(), line)).hex()

    def subkey(self, purpose: str) -> bytes:
        """32 bytes for another purpose, which tell nothing of the key nor of those for others."""
        return self._keyed.digest(purpose.encode())

    def of(self, tenant: str, x: Identifier) -> str:
        """What stands for an identifier: the same each time, and nothing to who lacks the key."""
        text = f"{tenant}\0{x.type}\0{x.value}".encode()
        return "i_" + blake2b(text, digest_size=16, key=self._key).hexdigest()


class AuditLog:
    """Writes one process' file. Belongs to one event loop; `close` ends it."""

    def __init__(
        self,
        directory: Path,
        anchors: Path,
        seal: Seal,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.seal = seal
        self._directory = directory
        self._anchors = anchors
        self._clock = clock
        self._most = most_bytes
        self._pending: list[Entry] = []
        self._failed = False
        self._anchoring: asyncio.Task[None] | None = None
        for made in (directory, anchors):
            made.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._begin(prior="")

    def _begin(self, prior: str) -> None:
        at = self._clock()
        self._name = f"{at:%Y%m%dT%H%M%SZ}-{os.getpid()}-{secrets.token_hex(4)}"
        path = self._directory / f"{self._name}.jsonl"
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._n, self._prior, self._size, self._anchored = 0, prior, 0, -1
        self._line(START, [])
        self._anchor()

    def note(self, entry: Entry) -> None:
        """Have an act written in this turn of the loop, or the next. Raises AuditFailed if it cannot be."""
        if self._failed:
            self._flush()
        if not self._pending:
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._flush_quietly)  # two round trips share a line
            if self._anchoring is None or self._anchoring.done():
                self._anchoring = loop.create_task(self._keep_anchoring())
        self._pending.append(entry)

    def note_now(self, entry: Entry) -> None:
        """Have an act written, and synced to disk, before it is done. Raises AuditFailed."""
        self._pending.append(entry)
        self._flush()
        self._anchor()

    def close(self) -> None:
        """End the file."""
        if self._anchoring is not None:
            self._anchoring.cancel()
        self._flush()
        self._line(END, [])
        self._anchor()
        os.close(self._fd)

    def _flush_quietly(self) -> None:
        try:
            self._flush()
        except AuditFailed as error:
            log.warning("%s", error)

    def _flush(self) -> None:
        entries, self._pending = self._pending, []
        if not entries and not self._failed:
            return
        try:
            self._line("", entries)
        except AuditFailed:
            self._pending = entries + self._pending
            raise
        if self._size > self._most:
            self._line(END, [])
            self._anchor()
            os.close(self._fd)
            self._begin(self._prior)

    def _line(self, kind: str, entries: list[Entry]) -> None:
        body = msgspec.json.encode(Line(n=self._n, at=self._clock().isoformat(), kind=kind, entries=entries))
        seal = self.seal.next(self._prior, body)
        whole = b"%b\t%b\t%b\n" % (body, self._prior.encode(), seal.encode())
        try:
            self._write(whole)
        except OSError as error:
            self._failed = True
            raise AuditFailed(f"the audit log cannot be written, so nothing is answered: {error}") from error
        self._failed = False
        self._n, self._prior, self._size = self._n + 1, seal, self._size + len(whole)

    def _write(self, whole: bytes) -> None:
        if os.write(self._fd, whole) != len(whole):
            os.ftruncate(self._fd, self._size)
            raise OSError("the disk is full")

    async def _keep_anchoring(self) -> None:
        while self._anchored < self._n:
            await asyncio.sleep(ANCHOR_S)
            try:
                await self._anchor_aside()
            except OSError as error:
                log.warning("the audit log's anchor cannot be written: %s", error)

    async def _anchor_aside(self) -> None:
        # All that is needed is taken now: a thread would find it in the making.
        n, fd, anchor = self._n, os.dup(self._fd), self._next_anchor()
        try:
            await asyncio.to_thread(self._write_anchor, fd, anchor)
        finally:
            os.close(fd)
        self._anchored = n

    def _anchor(self) -> None:
        self._write_anchor(self._fd, self._next_anchor())
        self._anchored = self._n

    def _next_anchor(self) -> "Anchor":
        return Anchor.sealed(self.seal, f"{self._name}.jsonl", self._n, self._prior)

    def _write_anchor(self, fd: int, anchor: "Anchor") -> None:
        os.fsync(fd)
        anchor.write((self._anchors / anchor.file).with_suffix(".json"))


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """So many lines a file had, the last with that seal."""

    file: str
    lines: int
    last: str
    seal: str

    @classmethod
    def sealed(cls, seal: Seal, file: str, lines: int, last: str) -> Self:
        """One that cannot be made without the key."""
        return cls(file=file, lines=lines, last=last, seal=cls._seal(seal, file, lines, last))

    def is_sound(self, seal: Seal) -> bool:
        """Whether it was made with the key."""
        return hmac.compare_digest(self.seal, self._seal(seal, self.file, self.lines, self.last))

    @staticmethod
    def _seal(seal: Seal, file: str, lines: int, last: str) -> str:
        return seal.next(last, f"anchor {file} {lines}".encode())

    def write(self, path: Path) -> None:
        """Replace the file, whole."""
        fd, scratch = tempfile.mkstemp(dir=path.parent, prefix=".anchor-")
        with os.fdopen(fd, "wb") as file:
            file.write(msgspec.json.encode(self))
            file.flush()
            os.fsync(fd)
        Path(scratch).replace(path)
