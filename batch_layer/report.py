"""What a run has to say for itself, in figures: one row of gold/runs, and two files beside the shards.

report.json    all figures
report.html    the same to look at (`batch_layer.page`)
"""

from pathlib import Path

import msgspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from batch_layer import delta
from batch_layer.health import Health
from batch_layer.movement import Movement
from batch_layer.parity import UNEXPLAINED, Parity
from schemas.errors import SchemaError
from schemas.generation import REPORT, path_of

PAGE = "report.html"

# So many runs are drawn side by side.
DRAWN = 60


class Phase(msgspec.Struct, frozen=True):
    """A part of a run, and how long it took. Spark puts work off to where it is needed."""

    name: str
    seconds: float


class Past(msgspec.Struct, frozen=True):
    """A former run, as far as it is drawn."""

    generation: int
    customers: int
    identifiers: int
    unexplained: int | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """One run. Times are in microseconds; `before` is the generation that it was built upon.

    `whole` says why it computed everything anew, null where it computed what new facts touched.
    """

    generation: int
    before: int
    at: int
    as_of: int | None
    fingerprint: str
    rules_changed: bool
    messages: int
    records: int
    rejects: int
    refused_links: int
    phases: list[Phase]
    health: Health
    movement: Movement
    parity: Parity
    past: list[Past] = []
    whole: str | None = None

    @property
    def seconds(self) -> float:
        """How long the phases took together."""
        return sum(phase.seconds for phase in self.phases)

    def lines(self) -> list[str]:
        """The report in short, as a person reads it."""
        m, health = self.movement, self.health
        phases = ", ".join(f"{phase.seconds:.1f} {phase.name}" for phase in self.phases)
        largest = health.largest[0].identifiers if health.largest else 0
        return [
            f"landed {self.messages} messages and {self.records} records; {self.rejects} were refused",
            f"customers: {m.after}, of whom {m.made} new; {m.merged} merged, {m.split} split, {m.gone} gone",
            f"ids: {m.kept} kept, {m.aliases} lead to another customer, {m.lost} lost",
            f"largest customer: {largest} identifiers",
            f"refused: {self.refused_links} links, and {health.hot} hot identifiers",
            *self.parity.lines(),
            "computed what new facts touch" if self.whole is None else f"computed everything: {self.whole}",
            f"took {self.seconds:.1f} s: {phases}",
        ]

    def row(self, spark: SparkSession) -> DataFrame:
        """The run as a row of gold/runs."""
        health, movement, parity = self.health, self.movement, self.parity
        known = parity.why is None
        values = {
            "generation": self.generation,
            "at": self.at,
            "as_of": self.as_of,
            "fingerprint": self.fingerprint,
            "messages": self.messages,
            "records": self.records,
            "seconds": self.seconds,
            "identifiers": health.identifiers,
            "customers": movement.after,
            "made": movement.made,
            "merged": movement.merged,
            "split": movement.split,
            "gone": movement.gone,
            "ids_lost": movement.lost,
            "refused_links": self.refused_links,
            "hot": health.hot,
            "largest": health.largest[0].identifiers if health.largest else 0,
            "compared": parity.compared if known else None,
            "differing": parity.differing if known else None,
            "unexplained": parity.causes.get(UNEXPLAINED, 0) if known else None,
            "report": msgspec.json.encode(msgspec.structs.replace(self, past=[])).decode(),
        }
        fields = delta.schema("gold/runs")
        kinds = {"at": "BIGINT", "as_of": "BIGINT"}
        ddl = ", ".join(f"{x.name} {kinds.get(x.name, x.dataType.simpleString())}" for x in fields)
        row = spark.createDataFrame([tuple(values[field.name] for field in fields)], ddl)
        return row.withColumns({name: f.timestamp_micros(name) for name in kinds})


def past(runs: DataFrame) -> list[Past]:
    """The last runs of gold/runs, oldest first."""
    columns = runs.select("generation", "customers", "identifiers", "unexplained")
    found = columns.orderBy(f.desc("generation")).limit(DRAWN).collect()
    return [Past(*row) for row in reversed(found)]


def load(generations: Path, number: int) -> Report:
    """The report of a generation. Raises SchemaError where it has none."""
    path = path_of(generations, number) / REPORT
    try:
        return msgspec.json.decode(path.read_bytes(), type=Report)
    except FileNotFoundError:
        raise SchemaError(f"generation {number} has no report: no run made it") from None
    except msgspec.DecodeError as error:
        raise SchemaError(f"{path} cannot be read: {error}") from None
