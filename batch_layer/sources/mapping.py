"""From rows to records: the columns of a source by name, then identifiers and attributes made of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from pyspark.errors import AnalysisException
from pyspark.sql import Column as Expression
from pyspark.sql import DataFrame
from pyspark.sql import functions as f
from pyspark.sql.types import ArrayType, StringType

from batch_layer.sources import values
from batch_layer.sources.errors import Unreadable
from batch_layer.sources.model import Column, Source, Template
from batch_layer.sources.reading import CORRUPT

# Formats whose files say which columns they have, whether or not a row has a value there.
_NAMED = ("csv", "parquet", "avro", "jdbc")


def selected(frame: DataFrame, source: Source, file: str) -> DataFrame:
    """The columns in use as text: `file, row, corrupt, t0, t1, …`; a list where the column is one.

    Raises Unreadable where one is missing from a format that names its columns, or is a structure.
    """
    texts = [_text(frame, source, name, file).alias(f"t{i}") for i, name in enumerate(source.used)]
    corrupt = f.col(CORRUPT).isNotNull() if CORRUPT in frame.columns else f.lit(False)
    whole = f.to_json(f.struct(*[f.col(f"`{name}`") for name in frame.columns]))
    return frame.select(f.lit(file).alias("file"), whole.alias("row"), corrupt.alias("corrupt"), *texts)


@dataclass(frozen=True)
class Cells:
    """The columns of what `selected` gives, by their name in the source."""

    source: Source
    lists: frozenset[str]

    @classmethod
    def of(cls, rows: DataFrame, source: Source) -> "Cells":
        """The cells of such rows, some of which hold lists."""
        lists = (
            name for i, name in enumerate(source.used) if isinstance(rows.schema[f"t{i}"].dataType, ArrayType)
        )
        return cls(source, frozenset(lists))

    def text(self, name: str) -> Expression:
        """What a cell says, as text or a list of texts."""
        return f.col(f"t{self.source.used.index(name)}")

    def value(self, name: str) -> Expression:
        """The same as a value of the column's type; null where it is none."""
        return f.col(f"v{self.source.used.index(name)}")

    def typed(self, rows: DataFrame) -> DataFrame:
        """The rows with a value beside each text."""
        parsed = [self._parsed(name).alias(f"v{i}") for i, name in enumerate(self.source.used)]
        return rows.select("*", *parsed)

    @property
    def changed_at(self) -> Expression:
        """When the record changed, in microseconds; null where the source does not say."""
        if self.source.changed_at is None:
            return f.lit(None).cast("bigint")
        return f.unix_micros(self.value(self.source.changed_at).cast("timestamp"))

    @property
    def deleted(self) -> Expression:
        """Whether the record says that it is no more."""
        if self.source.deleted is None:
            return f.lit(False)
        said = f.lower(self.text(self.source.deleted.column))
        return f.coalesce(said.isin([word.lower() for word in self.source.deleted.values]), f.lit(False))

    def identifiers(self) -> Expression:
        """Type -> values, without types that have none."""
        entries = [
            f.struct(f.lit(type_).alias("key"), self._all(templates).alias("value"))
            for type_, templates in self.source.identifiers.items()
        ]
        return f.map_from_entries(f.filter(f.array(*entries), lambda entry: f.size(entry["value"]) > 0))

    def attributes(self) -> Expression:
        """Path -> value, without paths that have none."""
        entries = [
            f.struct(f.lit(path).alias("key"), self.filled(template).alias("value"))
            for path, template in self.source.attributes.items()
        ]
        if not entries:
            return f.lit(None).cast("map<string,string>")
        return f.map_from_entries(f.filter(f.array(*entries), lambda entry: entry["value"].isNotNull()))

    def filled(self, template: Template) -> Expression:
        """The text of a template; null where one of its columns is."""
        pieces = [f.lit(part) if i % 2 == 0 else self._said(part) for i, part in enumerate(template.parts)]
        return f.concat(*pieces)

    def _parsed(self, name: str) -> Expression:
        text = self.text(name)
        return text if name in self.lists else values.parsed(text, self.source.column(name))

    def _all(self, templates: Sequence[Template]) -> Expression:
        """All that several templates give, each value once."""
        each = [
            self._said(template.columns[0])
            if self.lists.intersection(template.columns)
            else f.array(self.filled(template))
            for template in templates
        ]
        return f.array_distinct(f.filter(f.concat(*each), lambda value: value.isNotNull()))

    def _said(self, name: str) -> Expression:
        """A cell's value in plain form; null where a failure dropped it."""
        if name in self.lists:
            return self.value(name)
        plain = values.plain(self.value(name), self.source.column(name))
        if not self.source.column(name).drop:
            return plain
        return f.when(~f.exists("failures", lambda failure: failure["column"] == name), plain)


def _text(frame: DataFrame, source: Source, name: str, file: str) -> Expression:
    found = _find(frame, name)
    if found is None:
        if source.format in _NAMED or name in {source.record_id, source.changed_at}:
            near = get_close_matches(name, frame.columns, n=1)
            have = ", ".join(column for column in frame.columns if column != CORRUPT)
            hint = f"did you mean '{near[0]}'?" if near else f"it has: {have or 'nothing that can be read'}"
            raise Unreadable(f"{file}: has no column '{name}'; {hint}")
        return f.lit(None).cast(StringType())
    kind = frame.select(found).schema[0].dataType
    said = values.text(found, kind, source.nulls)
    if said is None:
        raise Unreadable(f"{file}: '{name}' is a structure or bytes: name a value in it, such as '{name}.x'")
    if isinstance(kind, ArrayType) and not _may_be_list(name, source):
        raise Unreadable(
            f"{file}: '{name}' is a list: only one column that is an identifier by itself, without an entry "
            "in 'columns', can be one"
        )
    return said


def _may_be_list(name: str, source: Source) -> bool:
    alone = Template(("", name, ""))
    elsewhere = [t for t in source.attributes.values() if name in t.columns]
    elsewhere += [t for ts in source.identifiers.values() for t in ts if name in t.columns and t != alone]
    of_consents = [column for consent in source.consents for column in consent.columns]
    places = (source.record_id, source.changed_at, source.deleted and source.deleted.column, *of_consents)
    return not elsewhere and name not in places and source.column(name) == Column()


def _find(frame: DataFrame, name: str) -> Expression | None:
    by_name = {column.casefold(): column for column in frame.columns}
    if (exact := by_name.get(name.casefold())) is not None:
        return f.col(f"`{exact}`")
    try:  # within a structure
        frame.select(f.col(name)).schema  # noqa: B018 - it is looked up now
    except AnalysisException:
        return None
    return f.col(name)
