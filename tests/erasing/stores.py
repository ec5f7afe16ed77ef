"""Every store of a running system, as the bytes that it keeps; what is packed is unpacked as well."""

import gzip
import sqlite3
from collections import defaultdict

from pyarrow import parquet

from deploy.bootstrap import PARTITIONS
from schemas.generation import numbers, open_generation, path_of
from tests.faults.account import read


def entries(redis):
    """All keys and values of Redis."""
    for key in redis.scan_iter():
        yield key
        kind = redis.type(key)
        if kind == b"hash":
            yield from (part for pair in redis.hgetall(key).items() for part in pair)
        elif kind == b"stream":
            yield from (part for _, fields in redis.xrange(key) for pair in fields.items() for part in pair)
        elif kind == b"set":
            yield from redis.smembers(key)
        else:
            yield redis.get(key) or b""  # it may have gone meanwhile


def unpacked(redis):
    """Have Redis write its file in a form that is not packed, and only when it is asked to."""
    redis.config_set("aof-use-rdb-preamble", "no")
    redis.config_set("auto-aof-rewrite-percentage", 0)


def files(*roots):
    """The bytes of each file, as they are and unpacked."""
    for path in (path for root in roots for path in (root.rglob("*") if root.is_dir() else [root])):
        if not path.is_file():
            continue
        yield path.name.encode()
        data = path.read_bytes()
        yield data
        if path.suffix == ".gz":
            yield gzip.decompress(data)
        if path.suffix == ".parquet":
            yield from cells(parquet.read_table(path, partitioning=None).to_pylist())


def cells(value):
    """The bytes of all texts and bytes within a value."""
    if isinstance(value, dict):
        value = [*value.keys(), *value.values()]
    if isinstance(value, list | tuple):
        yield from (part for each in value for part in cells(each))
    elif isinstance(value, str):
        yield value.encode()
    elif isinstance(value, bytes):
        yield value


def generation(root, number):
    """Files of a generation, and its records."""
    yield from files(path_of(root, number))
    for key, record in open_generation(root, number).scan(b""):
        yield key
        yield record


def rows(database):
    """All rows of a file of SQLite."""
    with sqlite3.connect(database) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            yield from cells(db.execute(f"SELECT * FROM {table}").fetchall())


def history(ground):
    """What the server's history has, and its files."""
    home = ground.servers.home.parent
    yield from files(*home.glob("history*"))
    yield from rows(home / "history.db")


def topics(settings):
    """Topic -> the messages that Kafka has."""
    found = defaultdict(list)
    for kept in read(settings, PARTITIONS):
        found[kept.topic].append(kept.value or b"")
    return found


def all_stores(ground):
    """Store -> its bytes."""
    settings, home = ground.settings, ground.servers.home.parent
    tables = {path.parent for path in settings.delta.rglob("_delta_log")}
    stores = {str(table.relative_to(settings.delta)): files(table) for table in tables}
    beside = [path for path in settings.delta.rglob("*") if path.is_file() and not tables & set(path.parents)]
    stores["beside the tables"] = files(*beside)
    for number in numbers(settings.generations):
        stores[f"generation {number}"] = generation(settings.generations, number)
    stores["redis"] = entries(ground.redis)
    stores["redis' files"] = files(ground.servers.home / "redis")
    stores["history"] = history(ground)
    stores["audit log"] = files(home / "audit", home / "anchors")
    stores["what programs say"] = files(*home.glob("*.log"))
    return stores | topics(settings)


def scan(ground, needles):
    """Store -> form -> the people whom it names; nothing of a store that names nobody."""
    found = {store: named(texts, needles) for store, texts in all_stores(ground).items()}
    return {store: forms for store, forms in found.items() if forms}


def named(texts, needles):
    """Form -> the people whom these bytes name."""
    found = defaultdict(set)
    for text in texts:
        for form, people in needles.found(text).items():
            found[form] |= people
    return dict(found)
