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

    `{first} {last}` is ("", "first", " ", "last", ""). A column alone is ("", column, ""),
    a text alone (text,).
    """

    parts: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        return self.parts[1::2]


@dataclass(frozen=True, slots=True)
class Status:
    """How a record says a word: a column, and its values that grant, withdraw, or say nothing."""

    column: str
    granted: tuple[str, ...] = ("granted",)
    withdrawn: tuple[str, ...] = ("withdrawn",)
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Consent:
    """A word on a permission that each record says; see docs/consent.md.

    `status` is the word itself where every record says the same. `stated_at`, `valid_from` and `valid_until`
    are columns. Of the templates one without columns is a fixed text.
    """

    purpose: Template
    status: Status | Literal["granted", "withdrawn"]
    channel: Template = Template(("",))
    brand: Template = Template(("",))
    locale: Template = Template(("",))
    proof: Template | None = None
    stated_at: str | None = None
    valid_from: str | None = None
    valid_until: str | None = None

    @property
    def times(self) -> tuple[str, ...]:
        """The columns that are moments."""
        return tuple(name for name in (self.stated_at, self.valid_from, self.valid_until) if name)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        templates = (self.purpose, self.channel, self.brand, self.locale, self.proof or Template(("",)))
        said = () if isinstance(self.status, str) else (self.status.column,)
        return (*said, *self.times, *(name for template in templates for name in template.columns))


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
    personal: Mapping[str, str] = field(default_factory=dict)
    consents: tuple[Consent, ...] = ()
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
    path: Path = Path("SOURCE.yaml")

    @cached_property
    def used(self) -> tuple[str, ...]:
        """All columns that are named anywhere, each once, in the order of first mention."""
        named = [self.record_id, self.changed_at, self.deleted and self.deleted.column, self.watermark]
        named += [c for templates in self.identifiers.values() for t in templates for c in t.columns]
        named += [c for template in self.attributes.values() for c in template.columns]
        named += [c for consent in self.consents for c in consent.columns]
        return tuple(dict.fromkeys(name for name in (*named, *self.columns) if name))

    def column(self, name: str) -> Column:
        """What is said of a column; one that tells a moment is a time where nothing else is said."""
        usual = Column(type="timestamp") if name in self.times else Column()
        return self.columns.get(name, usual)

    @cached_property
    def times(self) -> frozenset[str]:
        """The columns that tell a moment: `changed_at`, and those of consents."""
        of_consents = {name for consent in self.consents for name in consent.times}
        return frozenset(of_consents | ({self.changed_at} if self.changed_at else set()))

    @cached_property
    def fingerprint(self) -> str:
        """Names what this definition makes of a file: the same file under another one is taken again."""
        meaning = asdict(self)
        for place in ("path", "files", "options", "personal", "stop_rejected", "stop_ended"):
            del meaning[place]
        if not self.consents:
            del meaning["consents"]  # so that what older versions took in is known
        # How a file is read counts; where a database is, and who reads it, does not.
        meaning["options"] = {} if self.format == "jdbc" else dict(self.options)
        canonical = json.dumps(meaning, sort_keys=True).encode()
        return hashlib.sha256(canonical).hexdigest()[:16]
