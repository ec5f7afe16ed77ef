"""Which of Spark's reader options each format takes, and the words for the ones that we set."""

import os
from collections.abc import Mapping
from pathlib import Path

from identity.problems import Problems

# As Spark names them; only those whose meaning cannot take rows away unseen.
KNOWN: Mapping[str, tuple[str, ...]] = {
    "csv": ("encoding", "delimiter", "sep", "header", "quote", "escape", "comment", "multiLine", "lineSep"),
    "json": ("encoding",),
    "jsonl": ("encoding", "lineSep"),
    "xml": ("rowTag", "encoding", "attributePrefix", "valueTag", "ignoreNamespace"),
    "parquet": (),
    "avro": (),
    "jdbc": (
        *("url", "dbtable", "query", "user", "password", "driver", "fetchsize", "sessionInitStatement"),
        *("partitionColumn", "lowerBound", "upperBound", "numPartitions"),
    ),
}
_SECRET = "password"  # noqa: S105 - the name of an option


def read(
    problems: Problems, format_: str, document: object, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The options of a format, as Spark takes them: texts."""
    entry = problems.mapping("options", document)
    found: dict[str, str] = {}
    for name, value in entry.items():
        path = f"options.{name}"
        if name not in KNOWN[format_]:
            problems.mapping("options", {name: value}, KNOWN[format_] or ("none for this format",))
        elif name == _SECRET:
            found[name] = _secret(problems, path, value, environment)
        else:
            found[name] = str(value).lower() if isinstance(value, bool) else str(value)
    for one, other in (("delimiter", "sep"), ("dbtable", "query")):
        if one in found and other in found:
            problems.wrong(f"options.{other}", f"says what '{one}' says: keep one of them")
    if format_ == "xml" and "rowTag" not in found:
        problems.wrong("options.rowTag", "is missing: write the tag around one record, such as customer")
    if format_ == "jdbc":
        if not found.get("url", "").startswith("jdbc:"):
            problems.wrong("options.url", "is missing: write it as jdbc:postgresql://host:5432/database")
        if "dbtable" not in found and "query" not in found:
            problems.wrong(
                "options.dbtable", "is missing: name the table, such as public.customers, or a 'query'"
            )
    return found


def _secret(problems: Problems, path: str, value: object, environment: Mapping[str, str]) -> str:
    """A secret from elsewhere: `{env: NAME}` or `{file: PATH}`."""
    match value:
        case {"env": str(name), **rest} if not rest:
            if name in environment:
                return environment[name]
            problems.wrong(path, f"the environment variable {name} is not set")
        case {"file": str(name), **rest} if not rest:
            try:
                return Path(name).read_text(encoding="utf-8").strip()
            except OSError as error:
                problems.wrong(path, f"{name} cannot be read: {error.strerror}")
        case _:
            problems.wrong(path, "write {env: NAME} or {file: PATH}: a definition is no place for a secret")
    return ""
