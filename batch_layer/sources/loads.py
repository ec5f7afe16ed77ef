"""Loads as small files: what makes a load count is its file, which appears whole, by one rename.

    bronze/loads/00000001.json      state, files, watermark, counts

Needs no Spark, so that what was taken already is known at once.
"""

import os
from pathlib import Path
from typing import Literal

import msgspec

from schemas.durable import sync_directory

LANDED: Literal["landed"] = "landed"
STOPPED: Literal["stopped"] = "stopped"


class Taken(msgspec.Struct, frozen=True):
    """An export that was taken: its name, bytes and SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """One load. `ingested_at` is in microseconds, `definition` the fingerprint of its SOURCE.yaml.

    `personal` has the classes (`identity.personal`) that it says of identifiers and attributes.
    """

    load: int
    tenant: str
    source: str
    state: Literal["landed", "stopped"]
    export: str
    definition: str
    ingested_at: int
    files: tuple[Taken, ...] = ()
    watermark: str | None = None
    counts: dict[str, int] = {}
    personal: dict[str, str] = {}


class Loads:
    """The loads below the Delta root."""

    def __init__(self, root: Path) -> None:
        self._directory = root / "bronze" / "loads"

    def all(self) -> list[Load]:
        """Every load, oldest first."""
        files = sorted(self._directory.glob("*.json"))
        return [msgspec.json.decode(file.read_bytes(), type=Load) for file in files]

    @property
    def last(self) -> int:
        """The number of the last load; 0 where there is none."""
        return max((int(file.stem) for file in self._directory.glob("*.json")), default=0)

    def commit(self, load: Load) -> None:
        """Make a load count."""
        self._directory.mkdir(parents=True, exist_ok=True)
        path = self._directory / f"{load.load:08d}.json"
        draft = path.with_suffix(".draft")
        with draft.open("wb") as file:
            file.write(msgspec.json.encode(load))
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)
        sync_directory(self._directory)
