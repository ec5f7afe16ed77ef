"""A peer: one PostgreSQL transaction per event, in one round trip (merge.sql)."""

from collections.abc import Iterable, Sequence
from importlib.resources import files
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.speed.postgres_server import connect, postgres
from schemas import WebEvent

if TYPE_CHECKING:
    from psycopg import Connection

_WARM_UP = 5  # one in so many events comes before the clock starts: statements are prepared, pages cached
_SYNC = "synchronous_commit"


def postgres_rates(events: Iterable[WebEvent], count: int) -> dict[str, float | str]:
    """Events a second, as PostgreSQL comes and without waiting for the disk; and its settings.

    Raises LeftOut.
    """
    seen = [(names(event), event.occurred_at) for event in islice(events, count)]
    with postgres() as server:
        return {
            "postgres_events": len(seen),
            "postgres_settings": _settings(server),
            "postgres_events_per_second": _rate(server, seen, "on"),
            "postgres_without_sync_events_per_second": _rate(server, seen, "off"),
        }


def names(event: WebEvent) -> list[str]:
    """The identifiers of an event as the table takes them."""
    return [
        f"{type_}:{value}" for type_, values in event.identifiers.items() for value in dict.fromkeys(values)
    ]


def create_tables(connection: "Connection") -> None:
    """Begin with empty tables."""
    connection.execute(files("benchmarks.speed").joinpath("merge.sql").read_bytes())


def merge(connection: "Connection", names: Sequence[str], at: int) -> None:
    """One event: a transaction of its own."""
    connection.execute("SELECT merge(%s, %s)", [names, at])


def _rate(server: Path, seen: Sequence[tuple[list[str], int]], sync: str) -> float:
    warm_up = len(seen) // _WARM_UP
    with connect(server) as connection:
        create_tables(connection)
        connection.execute("SELECT set_config(%s, %s, false)", [_SYNC, sync])
        for names_, at in seen[:warm_up]:
            merge(connection, names_, at)
        start = perf_counter()
        for names_, at in seen[warm_up:]:
            merge(connection, names_, at)
        return (len(seen) - warm_up) / (perf_counter() - start)


def _settings(server: Path) -> str:
    """What the first of the two rates is with: its defaults."""
    query = "SELECT current_setting('server_version'), current_setting('fsync'), current_setting(%s)"
    with connect(server) as connection:
        version, fsync, sync = connection.execute(query, [_SYNC]).fetchall()[0]
    return f"PostgreSQL {version}, fsync={fsync}, {_SYNC}={sync}"
