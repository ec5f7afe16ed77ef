"""After the tables, before the publication: what changed, whether the stream was right, how the graph is."""

import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Self

import msgspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from batch_layer import consents, health, page, parity, report, said_parity, turned
from batch_layer.bronze import Bronze, messages
from batch_layer.counting import Counting
from batch_layer.gold import Gold
from batch_layer.movement import IDENTIFIER, Change
from batch_layer.report import Phase, Report
from batch_layer.sources.loads import Loads
from batch_layer.sources.tables import Tables
from identity import rulefile
from schemas import counted
from schemas.counted import Counted
from schemas.generation import REPORT, BrokenGeneration, Manifest, Offsets, open_generation, path_of

# What a generation's answers are compared by.
TABLES = (
    "gold/identifiers",
    "gold/customers",
    "gold/aliases",
    "gold/quarantined",
    "gold/refused_links",
    "silver/links",
)


class Phases:
    """Tells how far a run has come, and notes how long each part took."""

    def __init__(self, progress: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._progress = progress
        self._clock = clock
        self._begun: list[tuple[str, float]] = []

    def __call__(self, name: str) -> None:
        """A part begins, and the one before is over."""
        self._begun.append((name, self._clock()))
        self._progress(name)

    def so_far(self) -> list[Phase]:
        """Every part with its seconds, the one in hand up to now."""
        ends = [at for _, at in self._begun[1:]] + [self._clock()]
        return [Phase(name, round(end - at, 3)) for (name, at), end in zip(self._begun, ends, strict=True)]


class Watching:
    """Looks at readers' view in a thread, while Spark works. Use as a context manager."""

    def __init__(self, look: parity.Looking | None, offsets: Offsets, root: Path) -> None:
        """`root` is a directory that all executors share."""
        self._look = look
        self._offsets = offsets
        self._over = Event()
        self._found = parity.Look(
            why="nobody looks at the stream here" if look is None else "the look at the stream failed"
        )
        root.mkdir(parents=True, exist_ok=True)
        self._scratch = tempfile.TemporaryDirectory(prefix=".looking-", dir=root)
        self._thread = Thread(target=self._run, name="looking", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.found()
        self._scratch.cleanup()

    def found(self) -> parity.Look:
        """What was seen; a look that still waits for the stream gives up."""
        self._over.set()
        self._thread.join()
        return self._found

    def waited(self) -> parity.Look:
        """What was seen, however long the look waits for the stream."""
        self._thread.join()
        return self._found

    def _run(self) -> None:
        if self._look is not None:
            self._found = self._look(self._offsets, Path(self._scratch.name), self._over)


@dataclass(frozen=True, slots=True)
class Examiner:
    """Writes the report of a run on top of generation `before`, whose tables are in `former`."""

    spark: SparkSession
    delta: Path
    generations: Path
    bronze: Bronze
    before: Manifest
    phases: Phases
    watching: Watching
    former: Mapping[str, DataFrame]

    def write(
        self,
        gold: Gold,
        manifest: Manifest,
        directory: Path,
        *,
        whole: str | None = None,
        touched: DataFrame | None = None,
    ) -> Report:
        """Examine what a run wrote; its row goes to gold/runs, its files into the generation's directory.

        `whole` says why the run computed everything anew. Where it did not, only `touched` identifiers
        (`tenant, type, value`) can have moved, all of each customer's.
        """
        self.phases("parity, health and counts")
        with ThreadPoolExecutor(1) as beside:
            # Over little, both of them mostly wait.
            counting = beside.submit(self._counted, gold, manifest, upon_former=touched is not None)
            found = self._examined(gold, manifest, whole, touched)
            counted.save(directory, counting.result())
        turned.written(gold, self.before, manifest, directory, found.at)
        found = msgspec.structs.replace(found, phases=self.phases.so_far())
        runs = gold.before("gold/runs", self.before)
        gold.write("gold/runs", runs.unionByName(found.row(self.spark)))
        (directory / REPORT).write_bytes(msgspec.json.format(msgspec.json.encode(found)))
        (directory / report.PAGE).write_text(page.drawn(found), encoding="utf-8")
        return found

    def _examined(
        self, gold: Gold, manifest: Manifest, whole: str | None, touched: DataFrame | None
    ) -> Report:
        rules = rulefile.parse(manifest.rules)
        after = {name: gold.written(name) for name in TABLES}
        sides = [side["gold/identifiers"] for side in (self.former, after)]
        if touched is not None:
            sides = [side.join(f.broadcast(touched), list(IDENTIFIER), "left_semi") for side in sides]
        with Change(sides[0], sides[1], after["gold/aliases"]) as change:
            movement = change.counted()
        if touched is not None:
            movement = movement.among(self.before.counts["customers"])
        state = health.examined(after, rules)
        return Report(
            generation=manifest.generation,
            before=self.before.generation,
            at=time.time_ns() // 1_000,
            as_of=manifest.as_of,
            fingerprint=manifest.fingerprint,
            rules_changed=manifest.fingerprint != self.before.fingerprint,
            messages=self.bronze.landed,
            records=_taken(Loads(self.delta), self.before.loads, manifest.loads),
            rejects=gold.written("gold/rejects").count(),
            refused_links=after["gold/refused_links"].count(),
            phases=[],
            whole=whole,
            health=state,
            movement=movement,
            parity=self._parity(gold, manifest, after),
            past=report.past(gold.before("gold/runs", self.before)),
        )

    def _counted(self, gold: Gold, manifest: Manifest, *, upon_former: bool) -> list[Counted]:
        before = path_of(self.generations, self.before.generation)
        former = counted.load_all(before) if upon_former else []
        counting = Counting(self.spark, self.delta, self.bronze, self.before, manifest, former)
        return counting.counted(gold, rulefile.parse(manifest.rules), time.time_ns() // 1_000)

    def _parity(self, gold: Gold, manifest: Manifest, after: Mapping[str, DataFrame]) -> parity.Parity:
        look = self.watching.found()
        if look.why is not None or look.generation is None or look.end is None:
            return parity.Parity(why=look.why)
        try:
            old = open_generation(self.generations, look.generation).manifest
        except BrokenGeneration as error:
            return parity.Parity(why=str(error))
        former = self.former
        if old.generation != self.before.generation:
            former = tables(self.spark, self.delta, old)
        sides = parity.Sides(old, manifest, former, after)
        both = said(Gold(self.spark, self.delta), old), said(gold, manifest, written=True)
        return compared(self.spark, self.delta, self.bronze, look, sides, both)[0]


def tables(spark: SparkSession, root: Path, manifest: Manifest) -> dict[str, DataFrame]:
    """What a published generation's answers are compared by, as tables."""
    gold = Gold(spark, root)
    return {name: gold.before(name, manifest) for name in TABLES}


def said(gold: Gold, manifest: Manifest, *, written: bool = False) -> said_parity.Said:
    """What was said by a generation's tables, or by those that this run has `written`."""
    claims, stated = (
        gold.written(name) if written and name in gold.versions else gold.before(name, manifest)
        for name in ("silver/claims", "silver/consents")
    )
    return said_parity.Said(claims, consents.known(stated))


def compared(
    spark: SparkSession,
    root: Path,
    bronze: Bronze,
    look: parity.Look,
    sides: parity.Sides,
    said: tuple[said_parity.Said, said_parity.Said],
) -> tuple[parity.Parity, DataFrame]:
    """The stream, as it was looked at, against the batch; see `parity.compare` and `said_parity.compare`."""
    old, new = sides.old, sides.new
    assert look.end is not None, "a look that found answers has an end"
    newer = bronze.between(new.offsets, look.end) if messages(new.offsets, look.end) else None
    changed = None
    if new.loads != old.loads:
        changed = parity.records_between(Tables(spark, root).versions(), old, new)
    rules = rulefile.parse(old.rules), rulefile.parse(new.rules)
    causes = parity.causes(sides, newer, changed, rules)
    found, rows = parity.compare(spark, look, sides, causes)
    if look.heard is not None:
        live = sides.after["gold/identifiers"].select(f.concat_ws("\0", *IDENTIFIER).alias("x"))
        otherwise = parity.RULES if old.fingerprint != new.fingerprint else parity.UNEXPLAINED
        known = {name: causes[name] for name in (parity.RECORDS, parity.NEWER) if name in causes}
        count, differing = said_parity.compare(spark, look.heard, said, rules, live, known, otherwise)
        found = msgspec.structs.replace(
            found, said=count, said_causes={name: differing.get(name, 0) for name in parity.SAID}
        )
    return found, rows


def _taken(loads: Loads, before: int, last: int) -> int:
    """How many versions of records the loads after `before` brought."""
    new = [load for load in loads.all() if before < load.load <= last]
    return sum(load.counts.get(name, 0) for load in new for name in ("new", "replaced", "ended", "gone"))
