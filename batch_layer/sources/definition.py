"""Reading SOURCE.yaml: a `Source`, or every problem at once, each with its path and what to write."""

import re
from pathlib import Path
from typing import cast

from batch_layer.sources import columns, consents, options
from batch_layer.sources.errors import DefinitionError
from batch_layer.sources.model import Column, Deleted, Export, Format, Source, Template
from batch_layer.sources.words import filled, words
from identity import personal, rulefile
from identity.problems import Document, Problems
from schemas.checks import is_tenant

_TOP = (
    *("version", "source", "tenant", "format", "files", "options", "export", "watermark", "nulls"),
    *("record_id", "changed_at", "deleted", "identifiers", "attributes", "consents", "personal"),
    *("columns", "stop_when"),
)
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_TYPE_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")


def load(path: Path) -> Source:
    """Read a definition from a file. Raises DefinitionError, also for a file that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(str(path), [f"cannot be read: {error}"]) from error
    return parse(text, path)


def parse(text: str, path: Path = Path("SOURCE.yaml")) -> Source:
    """Read a definition from YAML text; `path` names it, and its files are found beside it."""
    try:
        document = rulefile.document(text)
    except ValueError as error:
        raise DefinitionError(str(path), [str(error)]) from error
    problems = Problems()
    source = _source(problems, problems.mapping("the file", document, _TOP), path)
    if problems.found:
        raise DefinitionError(str(path), problems.found)
    return source


def _source(problems: Problems, top: Document, path: Path) -> Source:
    if top.get("version", 1) != 1 or isinstance(top.get("version"), bool):
        problems.wrong("version", "only version 1 is known: write 1")
    name = problems.text("source", top.get("source"), "crm")
    if name and not _NAME.fullmatch(name):
        problems.wrong("source", "write a name of small letters, digits, '_' and '-', such as crm")
    format_ = problems.one_of("format", top.get("format"), tuple(options.KNOWN))
    stop = problems.mapping("stop_when", top.get("stop_when", {}), ("rejected", "ended"))
    identifiers = _identifiers(problems, top.get("identifiers", {}))
    attributes = _attributes(problems, top.get("attributes", {}))
    source = Source(
        name=name,
        format=cast("Format", format_),
        export=_export(problems, top, format_),
        record_id=problems.text("record_id", top.get("record_id"), "customer_no"),
        identifiers=identifiers,
        attributes=attributes,
        consents=consents.read(problems, top.get("consents", [])),
        personal=_personal(problems, top.get("personal", {}), (*identifiers, *attributes)),
        columns=_columns(problems, top.get("columns", {})),
        tenant=_tenant(problems, top.get("tenant")),
        files=_files(problems, top, format_, path),
        options=options.read(problems, format_, top.get("options", {})),
        changed_at=problems.text("changed_at", top["changed_at"], "updated_at")
        if "changed_at" in top
        else None,
        deleted=_deleted(problems, top["deleted"]) if "deleted" in top else None,
        watermark=problems.text("watermark", top["watermark"], "updated_at") if "watermark" in top else None,
        nulls=("", *_nulls(problems, top.get("nulls", []))),
        stop_rejected=problems.share("stop_when.rejected", stop.get("rejected", "5%")),
        stop_ended=problems.share("stop_when.ended", stop.get("ended", "20%")),
        path=path,
    )
    _times(problems, source)
    return source


def _export(problems: Problems, top: Document, format_: str) -> Export:
    """Nobody should end customers by leaving a line out, so this has to be said."""
    if "watermark" in top:
        if format_ != "jdbc":
            problems.wrong("watermark", "only serves 'format: jdbc': files are taken once by their content")
        if top.get("export", "increment") != "increment":
            problems.wrong("export", "'watermark' reads what is new: write 'export: increment', or remove it")
        return "increment"
    if "export" not in top:
        problems.wrong(
            "export",
            "is missing: write 'full' if each load holds every record, so that one which is missing ends, "
            "or 'increment' if it holds only what is new",
        )
        return "increment"
    return cast("Export", problems.one_of("export", top["export"], ("full", "increment")))


def _identifiers(problems: Problems, document: object) -> dict[str, tuple[Template, ...]]:
    found = {}
    for type_, value in problems.mapping("identifiers", document).items():
        path = f"identifiers.{type_}"
        if not _TYPE_NAME.fullmatch(type_):
            problems.wrong(path, "a type is named by 1 to 64 letters, digits, '_', '.' or '-'")
        texts = problems.texts(path, value, "email, or [email, second_email]")
        found[type_] = tuple(_template(problems, path, text) for text in texts)
    if not found:
        problems.wrong("identifiers", "name at least one, such as 'email: email_address' (type: column)")
    return found


def _attributes(problems: Problems, document: object) -> dict[str, Template]:
    return {
        name: _template(problems, f"attributes.{name}", problems.text(f"attributes.{name}", value, "surname"))
        for name, value in problems.mapping("attributes", document).items()
    }


def _personal(problems: Problems, document: object, known: tuple[str, ...]) -> dict[str, str]:
    return {
        name: personal.read(problems, f"personal.{name}", value)
        for name, value in problems.mapping("personal", document, known).items()
    }


def _template(problems: Problems, path: str, text: str) -> Template:
    """A text without braces is a column."""
    return filled(problems, path, text) if {"{", "}"} & set(text) else Template(("", text, ""))


def _columns(problems: Problems, document: object) -> dict[str, Column]:
    return {
        name: columns.read(problems, f"columns.{name}", entry)
        for name, entry in problems.mapping("columns", document).items()
    }


def _tenant(problems: Problems, value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not is_tenant(value):
        problems.wrong("tenant", "write a name of letters, digits, '_' and '-'")
        return None
    return value


def _files(problems: Problems, top: Document, format_: str, path: Path) -> tuple[str, ...]:
    if "files" not in top:
        return ()
    if format_ == "jdbc":
        problems.wrong("files", "has no meaning with 'format: jdbc': remove it")
    named = problems.texts("files", top["files"], "exports/*.csv")
    return tuple(str(path.absolute().parent / name) for name in named if name)


def _deleted(problems: Problems, value: object) -> Deleted:
    entry = problems.mapping("deleted", value, ("column", "values"))
    return Deleted(
        column=problems.text("deleted.column", entry.get("column"), "status"),
        values=words(problems, "deleted.values", entry.get("values"), "[closed, gone]"),
    )


def _nulls(problems: Problems, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        problems.wrong("nulls", 'write a list of texts in quotes, such as ["NULL", "-"]')
        return ()
    return tuple(word for word in value if word)


def _times(problems: Problems, source: Source) -> None:
    if source.changed_at and source.column(source.changed_at).type not in columns.TIMES:
        problems.wrong(f"columns.{source.changed_at}.type", "is changed_at's: write date or timestamp")
    if source.changed_at and source.column(source.changed_at).drop:
        problems.wrong(f"columns.{source.changed_at}.when_wrong", "is changed_at's: only 'reject' is safe")
    if source.record_id in source.columns and source.columns[source.record_id].drop:
        problems.wrong(f"columns.{source.record_id}.when_wrong", "is the record id's: only 'reject' is safe")
    for name in sorted({name for consent in source.consents for name in consent.columns}):
        if name in source.times and source.column(name).type not in columns.TIMES:
            problems.wrong(f"columns.{name}.type", "is a moment of a consent: write date or timestamp")
        if source.column(name).drop:
            problems.wrong(f"columns.{name}.when_wrong", "is a consent's: only 'reject' loses no withdrawal")
