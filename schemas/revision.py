"""A shard that differs little from a former one: its entries, in order, with the changes between."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import lmdb

from schemas.blocks import Entry
from schemas.generation import Shard, write_shard

# An entry's key and its new value; None where there is none any more.
Change = tuple[bytes, bytes | None]


def revise_shard(former: Path, directory: Path, index: int, changes: Iterable[Change]) -> Shard:
    """Step 1 of a publication (`schemas.generation`), from the file of a former shard of the same index.

    `changes` are in ascending order of their keys, each there once. May run in any process that does not have
    the generation of `former` open itself.
    """
    with (
        lmdb.open(str(former), subdir=False, readonly=True, lock=False, readahead=False) as environment,
        environment.begin() as transaction,
        transaction.cursor() as cursor,
    ):
        return write_shard(directory, index, revised(cursor, changes))


def revised(entries: Iterable[Entry], changes: Iterable[Change]) -> Iterator[Entry]:
    """Entries after changes; both in ascending order of their keys."""
    pending = iter(changes)
    change = next(pending, None)
    for entry in entries:
        key = entry[0]
        while change is not None and change[0] < key:
            if change[1] is not None:
                yield change[0], change[1]
            change = next(pending, None)
        if change is None or change[0] != key:
            yield entry
    while change is not None:
        if change[1] is not None:
            yield change[0], change[1]
        change = next(pending, None)
