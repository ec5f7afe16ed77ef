"""What happened to customers, and what stewards decided: an index over two topics of the log.

A file of SQLite beside the server, filled by whoever follows the topics, in one transaction with how far he
got: each change is in it once. It can be lost at any time and is filled again, as far back as Kafka keeps.
Of identifiers it holds hashes only: the log has their values. Of those who are erased it holds none.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from identity import Identifier
from identity.facts import PAST
from schemas import CustomerChange, Decision
from schemas.errors import SchemaError
from schemas.records import identifier_digest

# Changes of one customer that are told, the latest; and ids that it had before, which are looked for.
MOST: Final = 1_000

_TABLES = """
CREATE TABLE IF NOT EXISTS ends (partition TEXT PRIMARY KEY, next INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS changes (id TEXT PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS names (tenant TEXT, customer TEXT, change TEXT,
    PRIMARY KEY (tenant, customer, change)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS decisions (id TEXT PRIMARY KEY, at INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS decided (tenant TEXT, a BLOB, b BLOB, decision TEXT,
    PRIMARY KEY (tenant, a, b, decision)) WITHOUT ROWID;
"""


class NoHistory(SchemaError):
    """The index cannot be read."""


class UnknownChange(SchemaError):
    """A change that the index does not hold."""


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """The message that made a change: the event itself is in the log there."""

    topic: str
    partition: int
    offset: int
    event_id: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a customer, as `CustomerChange` says it; of identifiers the hashes."""

    kind: str
    at: int
    customer_id: str
    previous: list[str]
    identifiers: list[bytes]
    cause: Origin | None
    version: int
    generation: int


class Kept(NamedTuple):
    """A change, and its id in the log."""

    change_id: str
    change: Change


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """A steward's decision: what, when, who and why."""

    decision_id: str
    verdict: str
    at: int
    who: str
    why: str


class History:
    """Reads and fills the index. Any number of processes may read while one fills."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as db:
            db.executescript(_TABLES)
        path.chmod(0o600)

    def ends(self) -> dict[str, int]:
        """The offset of the next message to take, by `topic:partition`."""
        with self._open() as db:
            return dict(db.execute("SELECT partition, next FROM ends"))

    def take(
        self,
        changes: Iterable[CustomerChange],
        decisions: Iterable[tuple[Decision, Identifier, Identifier]],
        ends: dict[str, int],
    ) -> None:
        """Add what was read, up to there. What is in already stays."""
        with self._open() as db:
            for change in changes:
                kept = Change(
                    kind=change.kind,
                    at=change.at,
                    customer_id=change.customer_id,
                    previous=change.previous,
                    identifiers=[identifier_digest(Identifier(x.type, x.value)) for x in change.identifiers],
                    cause=msgspec.convert(change.cause, Origin | None, from_attributes=True),
                    version=change.version,
                    generation=change.generation,
                )
                row = (change.change_id, change.at, msgspec.msgpack.encode(kept))
                db.execute("INSERT OR IGNORE INTO changes VALUES (?, ?, ?)", row)
                names = {change.customer_id, *change.previous}
                rows = [(change.tenant, name, change.change_id) for name in names]
                db.executemany("INSERT OR IGNORE INTO names VALUES (?, ?, ?)", rows)
            for decision, a, b in decisions:
                word = Word(
                    decision_id=decision.decision_id,
                    verdict=decision.verdict,
                    at=decision.decided_at,
                    who=decision.who,
                    why=decision.why,
                )
                row = (decision.decision_id, decision.decided_at, msgspec.msgpack.encode(word))
                db.execute("INSERT OR IGNORE INTO decisions VALUES (?, ?, ?)", row)
                pair = (decision.tenant, *_pair(a, b), decision.decision_id)
                db.execute("INSERT OR IGNORE INTO decided VALUES (?, ?, ?, ?)", pair)
            db.executemany("INSERT OR REPLACE INTO ends VALUES (?, ?)", ends.items())

    def of(self, tenant: str, customer_id: str) -> list[Change]:
        """What happened to a customer and to those that became part of it, oldest first."""
        with self._open() as db:
            found: dict[str, Change] = {}
            seen, names = {customer_id}, [customer_id]
            while names and len(found) < MOST:
                name = names.pop()
                query = (
                    "SELECT id, body FROM changes JOIN names ON id = change WHERE tenant = ? AND customer = ?"
                )
                for id_, body in db.execute(query + " ORDER BY at DESC LIMIT ?", (tenant, name, MOST)):
                    change = found[id_] = msgspec.msgpack.decode(body, type=Change)
                    if change.kind == "merged" and change.customer_id == name:
                        names += [before for before in change.previous if before not in seen]
                        seen.update(change.previous)
        return sorted(found.values(), key=lambda change: (change.at, change.version))[-MOST:]

    def after(self, tenant: str, change_id: str | None, most: int) -> tuple[list[Kept], str | None]:
        """A tenant's changes behind one of them, in the order of the log, and the last that was looked at.

        Looks at `most` changes of all tenants: there may be fewer of this one. None: there are no more.
        Raises UnknownChange where that one is not, or no longer, known here.
        """
        with self._open() as db:
            place = 0
            if change_id is not None:
                row = db.execute("SELECT rowid FROM changes WHERE id = ?", (change_id,)).fetchone()
                if row is None:
                    raise UnknownChange("the change where this would go on is not known here")
                (place,) = row
            query = "SELECT id, body FROM changes WHERE rowid > ? ORDER BY rowid LIMIT ?"
            rows = db.execute(query, (place, most)).fetchall()
            ours = "SELECT 1 FROM names WHERE tenant = ? AND customer = ? AND change = ?"
            found = [
                Kept(id_, change)
                for id_, body in rows
                if (change := msgspec.msgpack.decode(body, type=Change))
                and db.execute(ours, (tenant, change.customer_id, id_)).fetchone()
            ]
        return found, rows[-1][0] if rows else None

    def changed(self, tenant: str, since: int, after: str, most: int) -> list[str]:
        """Ids of customers with a change since then (microseconds), at most so many, ascending from `after`.

        Among them are ids that a customer had, and has no longer.
        """
        query = (
            "SELECT DISTINCT customer FROM names JOIN changes ON id = change "
            "WHERE tenant = ? AND customer > ? AND at >= ? ORDER BY customer LIMIT ?"
        )
        with self._open() as db:
            return [id_ for (id_,) in db.execute(query, (tenant, after, since, most))]

    def decisions(self, tenant: str, a: Identifier, b: Identifier) -> list[Word]:
        """What stewards said about two identifiers, oldest first."""
        query = (
            "SELECT body FROM decisions JOIN decided ON id = decision WHERE tenant = ? AND a = ? AND b = ?"
        )
        with self._open() as db:
            rows = db.execute(query + " ORDER BY at", (tenant, *_pair(a, b))).fetchall()
        return [msgspec.msgpack.decode(body, type=Word) for (body,) in rows]

    def forget(self, tenant: str, erased: Mapping[Identifier, int]) -> None:
        """Strike a tenant's identifiers out, each of what was told up to a moment (microseconds).

        Changes stay without them; what stewards said about one of them goes. Nothing leads from an identifier
        to its changes, so all are looked through: erasures are rare.
        """
        through = {identifier_digest(x): at for x, at in erased.items()}
        with self._open() as db:
            query = "SELECT changes.rowid, at, body, customer FROM changes JOIN names ON id = change"
            for row, at, body, customer in db.execute(
                f"{query} WHERE tenant = ? AND at <= ?", (tenant, max(through.values(), default=0))
            ).fetchall():
                change = msgspec.msgpack.decode(body, type=Change)
                left = [x for x in change.identifiers if at > through.get(x, PAST)]
                if customer == change.customer_id and left != change.identifiers:
                    struck = msgspec.structs.replace(change, identifiers=left)
                    told = (msgspec.msgpack.encode(struck), row)
                    db.execute("UPDATE changes SET body = ? WHERE rowid = ?", told)
            for digest, at in through.items():
                of = (tenant, digest, digest)
                query = "SELECT id FROM decisions JOIN decided ON id = decision"
                query += " WHERE tenant = ? AND (a = ? OR b = ?) AND at <= ?"
                for (word,) in db.execute(query, (*of, at)).fetchall():
                    db.execute("DELETE FROM decisions WHERE id = ?", (word,))
                    db.execute("DELETE FROM decided WHERE decision = ?", (word,))

    def settle(self) -> bool:
        """Have what was struck out gone from the files, too; False where a reader keeps that from being done.

        Until then the index itself has what it had, and only the log beside it (SQLite's WAL) does not.
        """
        with self._open() as db:
            db.execute("PRAGMA busy_timeout = 0")  # nobody has to wait: this is tried again
            busy, *_ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            db = sqlite3.connect(self._path, timeout=5)
            try:
                with db:
                    db.execute("PRAGMA journal_mode = WAL")
                    db.execute("PRAGMA secure_delete = ON")  # what was struck out is not left in the file
                    yield db
            finally:
                db.close()
        except sqlite3.Error as error:
            raise NoHistory(f"{self._path}: the history cannot be read: {error}") from None


def _pair(a: Identifier, b: Identifier) -> tuple[Any, Any]:
    first, second = sorted((identifier_digest(a), identifier_digest(b)))
    return first, second
