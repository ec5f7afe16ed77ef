"""What is wrong with a record, and which row of several stands for it.

A record with a fatal failure is rejected. One that is marked as deleted needs nothing but its id and time.
"""

from pyspark.sql import Column as Expression
from pyspark.sql import DataFrame
from pyspark.sql import functions as f
from pyspark.sql.window import Window

from batch_layer.sources import stating, values
from batch_layer.sources.mapping import Cells
from batch_layer.sources.model import Source
from schemas.checks import EARLIEST, MAX_ID, MAX_VALUE, MOST_AHEAD

FAILURE = "STRUCT<column: STRING, rule: STRING, reason: STRING, fatal: BOOLEAN>"

_SHAPE = (
    "does not parse, or has more or fewer values than the header: look for a delimiter or a quote inside a "
    "value, or a file that ends too early"
)
_UNIQUE = (
    "another row of this load has the same record id and other values: correct 'record_id', or name the "
    "column that says which is newer as 'changed_at'"
)


def checked(rows: DataFrame, source: Source, now: int) -> DataFrame:
    """What rows say, and what is wrong with it.

    `file, row, record, changed_at, deleted, identifiers, attributes, consents, failures, rejected, content`:
    `rows` is what `mapping.selected` gives, `now` (microseconds) the time of the load; `failures` is a
    list of FAILURE, `content` a hash of what the record says. Rows of one record are told apart by `folded`.
    """
    cells = Cells.of(rows, source)
    found = [f.when(f.col("corrupt"), _failure(None, "shape", _SHAPE)), *_clock(cells, now)]
    found += [
        f.when(condition, _failure(name, rule, reason, fatal=not source.column(name).drop))
        for name in source.used
        if name not in cells.lists
        for rule, reason, condition in _wrongs(cells, name)
    ]
    found += [
        f.when(condition, _failure(name, rule, reason))
        for name, rule, reason, condition in stating.wrongs(cells, now)
    ]
    judged = (
        cells.typed(rows)
        .withColumn("deleted", cells.deleted)
        .withColumn("failures", f.filter(f.array(*found), lambda failure: failure.isNotNull()))
    )
    records = judged.select(
        "file",
        "row",
        cells.text(source.record_id).alias("record"),
        cells.changed_at.alias("changed_at"),
        "deleted",
        cells.identifiers().alias("identifiers"),
        cells.attributes().alias("attributes"),
        stating.stated(cells).alias("consents"),
        "failures",
        _rejected(source).alias("rejected"),
    )
    # What is null is not in it: a source that states no consents has the content that it always had.
    content = f.to_json(f.struct("identifiers", "attributes", "changed_at", "deleted", "consents"))
    return records.withColumn("content", f.sha2(content, 256))


def folded(records: DataFrame) -> DataFrame:
    """One row a record, its newest, with how many others it stands for as `repeated`; and the rejected.

    Rows of one record that are as new and differ are rejected: nobody can say which holds.
    """
    one = Window.partitionBy("record")
    newest = f.col("changed_at").eqNullSafe(f.max("changed_at").over(one))
    told = records.where("NOT rejected").withColumn("newest", newest)
    content = f.when(f.col("newest"), f.col("content"))
    told = (
        told.withColumn("ambiguous", f.col("newest") & (f.min(content).over(one) != f.max(content).over(one)))
        .withColumn("place", f.row_number().over(one.orderBy(f.col("newest").desc(), "content")))
        .withColumn("repeated", f.count("*").over(one) - 1)
        .where("place = 1 OR ambiguous")
    )
    failures = f.when(f.col("ambiguous"), f.array(_failure(None, "unique", _UNIQUE)))
    columns = [*records.columns, "repeated"]
    kept = (
        told.withColumn("failures", f.coalesce(failures, "failures"))
        .withColumn("rejected", f.col("ambiguous"))
        .withColumn("repeated", f.when(~f.col("ambiguous"), f.col("repeated")).otherwise(0))
    )
    refused = records.where("rejected").withColumn("repeated", f.lit(0))
    return kept.select(columns).union(refused.select(columns))


def _wrongs(cells: Cells, name: str) -> list[tuple[str, str, Expression]]:
    source, bare = cells.source, cells.text(name)
    found = values.wrongs(bare, cells.value(name), source.column(name))
    is_id = name == source.record_id
    if is_id and not source.column(name).required:
        found.append(("required", "is missing: every record needs its id", bare.isNull()))
    if is_id or any(name in t.columns for templates in source.identifiers.values() for t in templates):
        most = MAX_ID if is_id else MAX_VALUE
        found.append(("length", f"is longer than {most} characters", f.length(bare) > most))
    found.append(("nul", "contains a NUL character (U+0000): remove it", f.contains(bare, f.lit("\0"))))
    return found


def _clock(cells: Cells, now: int) -> list[Expression]:
    name, at = cells.source.changed_at, cells.changed_at
    if name is None:
        return []
    early = "is before 1990, from a clock that was never set: correct it or leave it empty"
    ahead = "is more than a day ahead of this load: correct it, or the column's 'timezone'"
    return [
        f.when(at < EARLIEST, _failure(name, "clock", early)),
        f.when(at > now + MOST_AHEAD, _failure(name, "clock", ahead)),
    ]


def _rejected(source: Source) -> Expression:
    needed = [name for name in (source.record_id, source.changed_at) if name is not None]

    def matters(failure: Expression) -> Expression:
        always = failure["column"].isNull() | failure["column"].isin(needed)
        return failure["fatal"] & (~f.col("deleted") | always)

    return f.exists("failures", matters)


def _failure(name: str | None, rule: str, reason: str, *, fatal: bool = True) -> Expression:
    return f.struct(f.lit(name), f.lit(rule), f.lit(reason), f.lit(fatal)).cast(FAILURE)
