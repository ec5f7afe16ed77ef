"""A source as values: where its records are, what its columns mean, and how much may be wrong.

`Source` is immutable and complete (every default filled in); `definition` reads it from YAML.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

Format = Literal["csv", "json", "jsonl", "xml", "parquet", "avro", "jdbc"]
Export = Literal["full", "increment"]


@dataclass(frozen=True, slots=True)
class Column:
    """What a column holds, and what is expected of it. `type` is written as Spark writes it.

    `formats` are Spark's patterns of dates and times, tried in order; `timezone` is that of times which
    name none. `minimum` and `maximum` are inclusive, in the plain form of the type.
    """

    type: str = "string"
    formats: tuple[str, ...] = ()
    timezone: str = "UTC"
    decimal: str = "."
    grouping: str = ""
    trues: tuple[str, ...] = ()
    falses: tuple[str, ...] = ()
    required: bool = False
    pattern: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    values: tuple[str, ...] = ()
    drop: bool = False  # a wrong value is left out, instead of the whole record


@dataclass(frozen=True, slots=True)
class Deleted:
    """How a record says that it is no more: a column, and its values that say so."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A value made of columns: `parts` are fixed texts and names of columns in turn, a text first.

    `{first} {last}` is ("", "first", " ", "last", ""). A column alone is ("", column, "").
    """

    parts: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        return self.parts[1::2]


@dataclass(frozen=True)
class Source:
    """One source. `identifiers` maps a type to the values of a record, `attributes` a path to its value.

    `personal` has the class (`identity.personal`) of identifiers and attributes by their names.

    `files` are absolute patterns; `stop_rejected` and `stop_ended` are shares from 0 to 1.
    """

    name: str
    format: Format
    export: Export
    record_id: str
    identifiers: Mapping[str, tuple[Template, ...]]
    attributes: Mapping[str, Template] = field(default_factory=dict)
    columns: Mapping[str, Column] = field(default_factory=dict)
    tenant: str | None = None
    files: tuple[str, ...] = ()
    options: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold a password
    changed_at: str | None = None
    deleted: Deleted | None = None
    watermark: str | None = None
    nulls: tuple[str, ...] = ("",)
    stop_rejected: float = 0.05
    stop_ended: float = 0.2
    personal: Mapping[str, str] = field(default_factory=dict)
    path: Path = Path("SOURCE.yaml")

    @cached_property
    def used(self) -> tuple[str, ...]:
        """All columns that are named anywhere, each once, in the order of first mention."""
        named = [self.record_id, self.changed_at, self.deleted and self.deleted.column, self.watermark]
        named += [c for templates in self.identifiers.values() for t in templates for c in t.columns]
        named += [c for template in self.attributes.values() for c in template.columns]
        return tuple(dict.fromkeys(name for name in (*named, *self.columns) if name))

    def column(self, name: str) -> Column:
        """What is said of a column; `changed_at` is a time where nothing else is said."""
        usual = Column(type="timestamp") if name == self.changed_at else Column()
        return self.columns.get(name, usual)

    @cached_property
    def fingerprint(self) -> str:
        """Names what this definition makes of a file: the same file under another one is taken again."""
        meaning = asdict(self)
        for place in ("path", "files", "options", "personal", "stop_rejected", "stop_ended"):
            del meaning[place]
        # How a file is read counts; where a database is, and who reads it, does not.
        meaning["options"] = {} if self.format == "jdbc" else dict(self.options)
        canonical = json.dumps(meaning, sort_keys=True).encode()
        return hashlib.sha256(canonical).hexdigest()[:16]
