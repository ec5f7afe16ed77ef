"""One load: read, check, compare with what is known, and land all of it or nothing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f

from batch_layer.sources import reading, versions
from batch_layer.sources.checks import checked, folded
from batch_layer.sources.files import Export
from batch_layer.sources.limits import stopped
from batch_layer.sources.loads import LANDED, STOPPED, Load, Loads, Taken
from batch_layer.sources.mapping import selected
from batch_layer.sources.model import Source
from batch_layer.sources.report import Failure, Report
from batch_layer.sources.tables import Tables

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Loading:
    """A load on top of load `last`, at `now` (microseconds), reading from `watermark` on.

    `before` are the loads by which this definition got as far as the watermark.
    """

    spark: SparkSession
    tables: Tables
    loads: Loads
    source: Source
    tenant: str
    last: int
    now: int
    watermark: str | None
    before: tuple[int, ...]
    progress: Progress
    accept: bool
    dry: bool

    def run(self, export: Export | None) -> Report:
        """Load an export; None: the table of a database. Raises Unreadable."""
        name = "the table" if export is None else export.name
        watermark, raw = self._table() if export is None else (None, self._files(export))
        rows = folded(self._unread(checked(raw, self.source, self.now))).persist()
        report, unsure = self._counted(rows, name)
        decided = versions.decided(
            rows,
            self.tables.known(self.tenant, self.source.name, self.last),
            timed=self.source.changed_at is not None,
            full=self.source.export == "full",
        ).persist()
        tally = decided.groupBy("verdict").agg(
            f.count("*").alias("count"), f.count_if("alive").alias("alive")
        )
        found = tally.collect()
        counts = {row.verdict: row["count"] for row in found if row.verdict is not None}
        missing = counts.pop(versions.MISSING, 0)
        report = replace(
            report,
            counts=counts,
            missing=0 if unsure else missing,
            held=missing if unsure else 0,
            known=sum(row.alive for row in found),
            dry=self.dry,
        )
        if not self.accept:
            report = replace(report, stopped=stopped(self.source, report))
        if not self.dry:
            self.progress(f"{self.source.name}: landing")
            self._land(report, rows, decided)
            self.loads.commit(self._load(report, export, watermark))
        return report

    def _files(self, export: Export) -> DataFrame:
        frames = [
            selected(reading.file(self.spark, self.source, file), self.source, file.name)
            for file in export.files
        ]
        return reduce(DataFrame.unionByName, frames)

    def _table(self) -> tuple[str | None, DataFrame]:
        since = " from the watermark on" if self.watermark else ""
        self.progress(f"{self.source.name}: reading the table{since}")
        # First how far it goes: what is written after that is read now or the next time, or twice.
        watermark = reading.newest(self.spark, self.source) or self.watermark
        frame = reading.table(self.spark, self.source, self.watermark)
        return watermark, selected(frame, self.source, "the table")

    def _unread(self, records: DataFrame) -> DataFrame:
        """Without rows at the watermark that a load before had rejected: they were told, and counted."""
        if self.watermark is None:
            return records
        told = self.tables.rejects(*self.before).where("rejected").select(f.col("row").alias("told"))
        return records.join(told, f.col("rejected") & (f.col("row") == f.col("told")), "left_anti")

    def _counted(self, rows: DataFrame, name: str) -> tuple[Report, bool]:
        """The report so far, and whether rejected rows could be of any record."""
        torn = f.exists("failures", lambda failure: failure["rule"] == "shape")
        try:
            total = rows.agg(
                f.count("*").alias("rows"),
                f.coalesce(f.sum("repeated"), f.lit(0)).alias("repeated"),
                f.count_if("rejected").alias("rejected"),
                f.count_if(f.size("failures") > 0).alias("failing"),
                f.count_if(f.col("rejected") & (f.col("record").isNull() | torn)).alias("unsure"),
            ).first()
        except reading.FAILED as error:
            raise reading.unreadable(name, self.source, error) from None
        assert total is not None, "an aggregate has one row"
        read = total.rows + total.repeated
        self.progress(f"{self.source.name}: {read} rows checked")
        report = Report(
            source=self.source.name,
            name=name,
            load=self.last + 1,
            read=read,
            repeated=total.repeated,
            rejected=total.rejected,
            failures=_by_rule(rows) if total.failing else (),
        )
        return report, total.unsure > 0

    def _land(self, report: Report, rows: DataFrame, decided: DataFrame) -> None:
        """Write the versions and what was wrong; they count once the load does."""
        self.tables.sweep(self.last)
        stamp = {
            "load": f.lit(self.last + 1).cast("bigint"),
            "tenant": f.lit(self.tenant),
            "source": f.lit(self.source.name),
            "ingested_at": f.lit(self.now).cast("bigint"),
        }
        if report.failures:
            self.tables.append("bronze/rejects", _failing(rows).withColumns(stamp))
        if report.stopped is None and report.changes:
            makes = [*versions.LANDED, *([versions.MISSING] if report.missing else [])]
            self.tables.append(
                "bronze/records", decided.where(f.col("verdict").isin(makes)).withColumns(stamp)
            )

    def _load(self, report: Report, export: Export | None, watermark: str | None) -> Load:
        landed = report.stopped is None
        return Load(
            load=self.last + 1,
            tenant=self.tenant,
            source=self.source.name,
            state=LANDED if landed else STOPPED,
            export=self.source.export,
            definition=self.source.fingerprint,
            ingested_at=self.now,
            files=() if export is None else (Taken(export.name, export.size, export.sha256),),
            watermark=watermark if landed else None,
            counts=report.totals,
            personal=dict(self.source.personal),
        )


def _by_rule(rows: DataFrame) -> tuple[Failure, ...]:
    counted = _failing(rows).groupBy("column", "rule", "reason", "rejected").count()
    return tuple(Failure(*row) for row in counted.orderBy(f.desc("count"), "column", "rule").collect())


def _failing(rows: DataFrame) -> DataFrame:
    """A line for each failure: that of a rejected record, or of a value that was left out."""
    lines = rows.select("file", "record", "row", "rejected", f.explode("failures").alias("failure"))
    # A record that is marked as deleted is taken whatever else is wrong with it.
    counts = f.col("rejected") | ~f.col("failure.fatal")
    return lines.where(counts).select(
        "file", "record", "row", "rejected", "failure.column", "failure.rule", "failure.reason"
    )
