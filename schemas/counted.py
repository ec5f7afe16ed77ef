"""What a run counted of a tenant, in a file of its own beside the shards of the generation.

    counted-<tenant>.json

Nobody is in it: names of segments, sources, identifier types and attributes, and figures. Each tenant has its
own file, so that who reads for one never holds another's. That of no tenant is always there: it tells of
messages that cannot be read, and that this generation was counted at all.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

import msgspec

from schemas.checks import is_tenant

Use = Literal["identifier", "profile", "match key", "none"]

# How a source's word arrives: as events of the stream, or as records that are loaded.
Way = Literal["events", "records"]

# The tenant of messages that cannot be read: whose they are cannot be told.
NOBODY: Final = ""

_PREFIX = "counted-"


class Fed(msgspec.Struct, frozen=True, kw_only=True):
    """What a source says of one identifier type or attribute.

    `accepted` is how often, `rejected` how often it was blocked or invalid; `newest` the newest moment that
    was spoken of, `taken_in` when it was last taken in (microseconds; 0: never). `personal` is its class, of
    `identity.personal`, and `assumed` that no configuration says so.
    """

    name: str
    used: list[Use]
    personal: str
    assumed: bool
    accepted: int = 0
    rejected: int = 0
    newest: int = 0
    taken_in: int = 0


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A source: how many of its events or records were accepted and rejected, how new, and what it feeds."""

    name: str
    way: Way
    accepted: int = 0
    rejected: int = 0
    newest: int = 0
    taken_in: int = 0
    identifiers: list[Fed] = []
    attributes: list[Fed] = []


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What a run counted of a tenant, and when (microseconds).

    `segments` has how many customers are in each; one that nobody is in is left out.
    """

    tenant: str
    at: int
    segments: dict[str, int] = {}
    sources: list[Source] = []


def save(directory: Path, counted: Iterable[Counted]) -> None:
    """Write what was counted into a generation's directory."""
    for found in counted:
        _file(directory, found.tenant).write_bytes(msgspec.json.format(msgspec.json.encode(found)))


def load(directory: Path, tenant: str) -> Counted | None:
    """What was counted of a tenant; None where a generation was not counted, or that cannot be read."""
    anybody = _read(directory, NOBODY)
    if anybody is None or tenant == NOBODY:
        return anybody
    if is_tenant(tenant) and _file(directory, tenant).exists():
        return _read(directory, tenant)
    return Counted(tenant=tenant, at=anybody.at)


def load_all(directory: Path) -> list[Counted]:
    """What was counted of all tenants, by their names; nothing where a generation was not counted."""
    tenants = (file.stem.removeprefix(_PREFIX) for file in directory.glob(f"{_PREFIX}*.json"))
    return [found for tenant in sorted(tenants) if (found := _read(directory, tenant)) is not None]


def _file(directory: Path, tenant: str) -> Path:
    return directory / f"{_PREFIX}{tenant}.json"


def _read(directory: Path, tenant: str) -> Counted | None:
    try:
        found = msgspec.json.decode(_file(directory, tenant).read_bytes(), type=Counted)
    except (OSError, msgspec.DecodeError):
        return None
    # Where names in other case are one file, it is that of one tenant only.
    return found if found.tenant == tenant else None
