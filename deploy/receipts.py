"""The receipt of an erasure: every store, whether it has forgotten, and if not what that waits for.

It is told anew each time, from what the stores say of themselves, and names nobody.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource  # mypy finds it nowhere else

from deploy import bootstrap, kafka
from deploy.errors import InputError
from deploy.settings import Settings
from schemas import ERASURES, TOPICS, overlay
from schemas.generation import numbers, open_generation, path_of
from schemas.ledger import Part
from schemas.topics import CLEANED_MS

if TYPE_CHECKING:
    from redis import Redis

# Topics that drop their messages by time. That of erasures keeps its own, see docs/erasure.md.
BY_TIME = tuple(name for name in TOPICS if name != ERASURES)

_PATIENCE_S = 10.0


class Store(msgspec.Struct, frozen=True, omit_defaults=True):
    """One store. `at`: since when it has forgotten, where that is known; or `until` it will have."""

    store: str
    done: bool
    at: str | None = None
    until: str | None = None
    waits_for: str | None = None


class Generation(NamedTuple):
    """A generation that is kept: up to when the erased are not in it, and when it was published."""

    number: int
    erased: int
    published: datetime


def receipt(settings: Settings, tenant: str, receipt_id: str) -> list[Store]:
    """Where an erasure stands. Raises InputError where there is none, KafkaException, RedisError."""
    parts = bootstrap.ledger(settings, "ucid-receipts").parts(tenant, receipt_id)
    if not parts:
        raise InputError("there is no erasure with this receipt: take the one that 'ucid erase' printed")
    through = max(part.through for part in parts)
    root = settings.generations
    kept = [
        Generation(number, open_generation(root, number).manifest.erased, _published(root, number))
        for number in numbers(root)
    ]
    client = bootstrap.redis(settings)
    live = cast("bytes | None", client.get(overlay.LIVE))
    heard, number = 0, None if live is None else int(live)
    if number is not None:
        key, field = overlay.erasures_key(number), overlay.partition_field(ERASURES, 0)
        heard = int(cast("bytes | None", client.hget(cast("str", key), cast("str", field))) or 0)
    return [
        _answers(heard > max(part.offset for part in parts)),
        *_files(settings, kept, through),
        _redis(client, any(each.erased >= through and each.number == number for each in kept), through),
        *_topics(settings, through),
        _erasures(parts),
    ]


def _answers(heard: bool) -> Store:
    return Store("answers", heard, waits_for=None if heard else "a worker: is 'ucid speed' running?")


def _redis(client: "Redis", switched: bool, through: int) -> Store:
    if not switched:
        return Store("redis", done=False, waits_for="readers to stand on a new generation")
    file = client.info("persistence")
    asked = int(cast("bytes | None", client.get(overlay.REWRITTEN)) or 0) >= through
    under_way = file["aof_rewrite_in_progress"] or file["aof_rewrite_scheduled"]
    written = asked and not under_way and file["aof_last_bgrewrite_status"] == "ok"
    done = written or not file["aof_enabled"]
    return Store("redis", done, waits_for=None if done else "its append-only file to be written anew")


def _files(settings: Settings, kept: list[Generation], through: int) -> Iterator[Store]:
    clean = [each for each in kept if each.erased >= through]
    first = min((each.published for each in clean), default=None)
    at, run = _text(first), None if clean else "the next 'ucid batch'"
    yield Store("newest generation", bool(clean), at=at, waits_for=run)
    yield Store("bronze tables", bool(clean), at=at, waits_for=run)
    old = len(kept) - len(clean)
    waits = f"{old} to be dropped: the newest {settings.generations_kept} are kept" if old else None
    yield Store("older generations", not old, waits_for=waits)
    yield _history(settings, clean, first, old)


def _history(settings: Settings, clean: list[Generation], first: datetime | None, old: int) -> Store:
    # Files that no reader can go back to are deleted once a day.
    until = first and first + timedelta(days=settings.history_days + 1)
    name = "history of silver and gold tables"
    if until is None or old or datetime.now(UTC) <= until:
        days = f"{settings.history_days} days of history, and the generations that need it"
        return Store(name, done=False, until=_text(until), waits_for=days)
    versions = open_generation(settings.generations, clean[0].number).manifest.tables
    if all(_begins(settings.delta / table) >= version for table, version in versions.items()):
        return Store(name, done=True)
    # Each commit of it says which values the files begin and end with.
    log = "Delta to drop the log of these, with the first daily clean-up after that; it counts whole days"
    return Store(name, done=False, waits_for=log)


def _begins(table: Path) -> int:
    """The oldest version that the log of a table tells of; 0 where it cannot be seen from here."""
    told = [file.name.partition(".")[0] for file in (table / "_delta_log").glob("*")]
    return min((int(version) for version in told if version.isdecimal()), default=0)


def _topics(settings: Settings, through: int) -> Iterator[Store]:
    moment = datetime.fromtimestamp(through / 1e6, UTC)
    for name, retention in _retentions(settings).items():
        if retention < 0:
            yield Store(
                name, done=False, waits_for="nothing: the topic's retention.ms is without end; set it"
            )
            continue
        until = moment + timedelta(milliseconds=retention)
        over = until < datetime.now(UTC)
        yield Store(name, over, until=_text(until), waits_for=None if over else "the topic's retention")


def _erasures(parts: list[Part]) -> Store:
    if not all(part.settled for part in parts):
        run = "a run after which every generation that is kept was made without them"
        return Store(ERASURES, done=False, waits_for=run)
    cleaned = max(part.appended_at for part in parts) + CLEANED_MS * 1_000
    until = datetime.fromtimestamp(cleaned / 1e6, UTC)
    if until < datetime.now(UTC):
        return Store(ERASURES, done=True)
    return Store(ERASURES, done=False, until=_text(until), waits_for="the topic's compaction")


def _retentions(settings: Settings) -> dict[str, int]:
    """Milliseconds that each topic keeps its messages."""
    admin = AdminClient(kafka.common(settings))
    asked = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in BY_TIME]
    found: dict[str, int] = {}
    for resource, future in admin.describe_configs(asked, request_timeout=_PATIENCE_S).items():
        entries: Any = future.result()
        found[str(resource.name)] = int(entries["retention.ms"].value)
    return {name: found[name] for name in BY_TIME}


def _published(root: Path, number: int) -> datetime:
    return datetime.fromtimestamp((path_of(root, number) / "manifest.json").stat().st_mtime, UTC)


def _text(moment: datetime | None) -> str | None:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment is not None else None
