"""Everything about one person, from answers and from bronze; as one object, or as rows for a spreadsheet."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from identity import Customer
from schemas.concerning import Person
from serving_layer.answers import time_json
from serving_layer.history import History
from serving_layer.person import person_json
from serving_layer.view import ServingView

if TYPE_CHECKING:
    from batch_layer.run import Run

# The parts of the object that are lists: what a row calls each of them, and its fields `at` and `source`.
_LISTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "identifiers": ("identifier", "first_seen", ""),
    "links": ("link", "first_seen", ""),
    "permissions": ("permission", "stated_at", "source"),
    "outcomes": ("outcome", "", "campaign_id"),
    "history": ("history", "at", ""),
    "messages": ("message", "ingested_at", "topic"),
    "records": ("record", "ingested_at", "source"),
}
# What a spreadsheet would take for a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Row(NamedTuple):
    """One value: of what kind of thing, of when, from where, and what it is called."""

    kind: str
    at: str
    source: str
    name: str
    value: str


def everything(
    view: ServingView, tenant: str, customer: Customer, history: History, job: "Callable[[], Run] | None"
) -> dict[str, Any]:
    """The object that docs/erasure.md describes. Without a `job` there are no tables to read yet."""
    told = person_json(view, tenant, customer, history)
    if job is None:
        return told | {"messages": [], "records": [], "landed": None}
    from batch_layer.mentions import mentions  # noqa: PLC0415 - an extra, and slow to import

    rules = view.generations.current.rules
    found = mentions(job(), rules, Person(tenant, frozenset(customer.members)))
    ends = {f"{topic}:{n}": end for topic, some in found.offsets.items() for n, end in some.items()}
    return told | {
        "messages": [_timed(row) for row in found.messages],
        "records": [_timed(row) for row in found.records],
        "landed": {"offsets": dict(sorted(ends.items())), "load": found.loads},
    }


def rows(told: Mapping[str, Any]) -> Iterator[Row]:
    """The same, a row a value; the rows of one thing follow each other. What is empty has none."""
    yield from _rows("customer", "", "", told["customer"])
    for name, value in told["profile"].items():
        yield from _rows("profile", value["at"], value["source"], {name: value["value"]})
    yield from _rows("segment", "", "", {"segment": told["segments"]})
    for part, (kind, at, source) in _LISTS.items():
        for item in told[part]:
            rest = {name: value for name, value in item.items() if name not in (at, source)}
            yield from _rows(kind, item.get(at) or "", item.get(source) or "", rest)
    answers = {name: told[name] for name in ("generation", "through", "offsets")}
    yield from _rows("included", "", "answers", answers)
    yield from _rows("included", "", "messages and records", told["landed"] or {"landed": "nothing yet"})


def _rows(kind: str, at: str, source: str, told: Mapping[str, Any]) -> Iterator[Row]:
    for name, value in _leaves("", told):
        yield Row(kind, at, _cell(source), _cell(name), _cell(value))


def _leaves(path: str, value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - JSON
    if isinstance(value, dict) and value.keys() == {"type", "value"}:
        if value["type"]:
            yield path, f"{value['type']}={value['value']}"
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else name, inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(path, inner)
    elif isinstance(value, str):
        if value:
            yield path, value
    elif value is not None:
        yield path, msgspec.json.encode(value).decode()


def _cell(text: str) -> str:
    """Text that stays text: anybody can send an event whose value begins like a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _timed(row: Mapping[str, Any]) -> dict[str, Any]:
    times = ("ingested_at", "changed_at")
    return {n: time_json(v) if n in times and v is not None else v for n, v in row.items()}
