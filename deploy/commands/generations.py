"""`ucid generations list|use|fetch`: what the batch published, the way back, and copies for a node."""

import argparse
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from confluent_kafka import TopicPartition
from redis import Redis

from deploy import bootstrap
from deploy.awaiting import readers
from deploy.errors import InputError
from deploy.local.files import locked
from deploy.settings import Settings
from schemas import overlay
from schemas.copies import fetch, prune, sweep
from schemas.generation import Generation, numbers, open_generation, path_of, pin, pinned, wanted

_PATIENCE = 10.0  # seconds for the broker to answer


class Listed(msgspec.Struct, frozen=True):
    """A generation, as `list` tells of it. `readers`: they stand on it; `held`: they are held at it."""

    generation: int
    published_at: str
    customers: int
    identifiers: int
    bytes: int
    fingerprint: str
    readers: bool
    held: bool


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    show = actions.add_parser("list", help="every generation that is here")
    show.add_argument("--json", action="store_true", help="print one JSON object a line")
    show.add_argument("--verify", action="store_true", help="compare every file with its checksum")
    use = actions.add_parser("use", help="have readers stand on a generation, and hold them there")
    use.add_argument("number", metavar="N|newest", help="newest: let them on to it, and to all that come")
    copy = actions.add_parser("fetch", help="copy what readers need from another directory to this node's")
    copy.add_argument("source", type=Path, metavar="DIRECTORY")
    copy.add_argument("number", type=int, nargs="?", metavar="N", help="default: the one in use there")


def run(options: argparse.Namespace) -> int:
    """List, go back or fetch. Raises BrokenGeneration, InputError."""
    settings = Settings.load()
    if options.action == "list":
        return _list(settings, verify=options.verify, as_json=options.json)
    if options.action == "use":
        return _use(settings, options.number)
    return _fetch(settings, options.source, options.number)


def _list(settings: Settings, *, verify: bool, as_json: bool) -> int:
    live = readers(bootstrap.redis(settings))
    for number in numbers(settings.generations):
        generation = open_generation(settings.generations, number)
        if verify:
            generation.verify()
        listed = _listed(generation, settings.generations, live)
        print(msgspec.json.encode(listed).decode() if as_json else _line(listed))
    held = pinned(settings.generations)
    if held is not None and held not in numbers(settings.generations):
        raise InputError(f"readers are to be held at generation {held}, which is not here: use another")
    return 0


def _listed(generation: Generation, root: Path, live: int | None) -> Listed:
    manifest, directory = generation.manifest, path_of(root, generation.number)
    published = datetime.fromtimestamp((directory / "manifest.json").stat().st_mtime, UTC)
    return Listed(
        generation.number,
        published.isoformat(timespec="seconds").replace("+00:00", "Z"),
        manifest.counts.get("customers", 0),
        manifest.counts.get("identifiers", 0),
        sum(shard.size for shard in manifest.shards),
        manifest.fingerprint,
        generation.number == live,
        generation.number == pinned(root),
    )


def _line(listed: Listed) -> str:
    marks = [mark for mark, is_so in (("readers stand here", listed.readers), ("held", listed.held)) if is_so]
    return (
        f"{listed.generation:>8}  {listed.published_at}  {listed.customers:>12} customers  "
        f"{listed.bytes / 1e6:>9.1f} MB  rules {listed.fingerprint}  {', '.join(marks)}"
    ).rstrip()


def _use(settings: Settings, named: str) -> int:
    root = settings.generations
    if named == "newest":
        number, hold = max(numbers(root), default=None), None
    else:
        if not named.isdecimal() or int(named) not in numbers(root):
            known = ", ".join(map(str, numbers(root))) or "none"
            raise InputError(f"there is no generation {named} in {root}: there is {known}, or 'newest'")
        number = hold = int(named)
    if number is None:
        raise InputError(f"there is no generation in {root}: run 'ucid up' or 'ucid batch' first")
    generation = open_generation(root, number)
    generation.verify()
    redis = bootstrap.redis(settings)
    live = readers(redis)
    if number != live:
        _check_log(settings, generation)
    pin(root, hold)
    if live is not None:
        _leave_others(redis, root, {number, live})
    then = "" if hold is None else "; 'ucid generations use newest' lets them on again"
    print(f"readers go to generation {number} as soon as the stream on top of it is level{then}")
    return 0


def _check_log(settings: Settings, generation: Generation) -> None:
    """Raise InputError where Kafka no longer has all that came after a generation's cut-off."""
    consumer = bootstrap.consumer(settings, "ucid-generations")
    try:
        for topic, partitions in generation.manifest.offsets.items():
            for partition, offset in partitions.items():
                first, _ = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=_PATIENCE)
                if first > offset:
                    raise InputError(
                        f"Kafka has {topic} {partition} from offset {first} on, and generation "
                        f"{generation.number} ends at {offset}: what lies between would be missing from the "
                        "stream. 'ucid batch' has it; go back to a newer generation, or run one."
                    )
    finally:
        consumer.close()


def _leave_others(redis: Redis, root: Path, needed: Collection[int | None]) -> None:
    """Have views cleared away that were being built and are not wanted any more."""
    for other in numbers(root):
        if other not in needed and redis.exists(overlay.epoch_key(other)):
            redis.sadd(overlay.LEFT.decode(), str(other))


def _fetch(settings: Settings, source: Path, number: int | None) -> int:
    root = settings.generations
    if source.resolve() == root.resolve():
        raise InputError(f"{source} is this node's own directory: name the one to copy from")
    number = wanted(source) if number is None else number
    if number is None:
        raise InputError(f"there is no generation in {source}")
    root.mkdir(parents=True, exist_ok=True)
    with locked(root / ".fetch.lock"):
        sweep(root)
        new = fetch(source, root, number)
        if pinned(source) != pinned(root):
            pin(root, pinned(source))
        live = readers(bootstrap.redis(settings))
        # While nobody can say where readers stand, all may be needed.
        gone = prune(root, settings.generations_kept, {number, live}) if live is not None else []
    print(f"generation {number}: {'fetched' if new else 'was here'}; {len(gone)} older ones dropped")
    return 0
