"""What an event must say to meet a condition: triggers act on it, segments count it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from identity.notation import as_regex
from identity.problems import Document, Problems

# Kinds of events, and what a condition may ask of them besides `properties.…`.
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "web": ("kind", "site", "page"),
    "email": ("outcome", "campaign_id"),
}
PROPERTIES: Final = "properties."

# What an e-mail event may tell.
OUTCOMES: Final = (
    *("sent", "delivered", "open", "click", "soft_bounce", "hard_bounce", "complaint"),
    *("unsubscribe", "subscribe"),
)


@dataclass(frozen=True, slots=True)
class Texts:
    """Some texts, each exact in any case, or a regular expression as `/…/` or `/…/i`; and as `written`."""

    exact: frozenset[str]
    patterns: tuple[re.Pattern[str], ...]
    written: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, entries: Iterable[str]) -> Self:
        """Raises re.error."""
        written = tuple(entries)
        patterns = [(entry, as_regex(entry)) for entry in written]
        return cls(
            frozenset(entry.casefold() for entry, pattern in patterns if pattern is None),
            tuple(pattern for _, pattern in patterns if pattern is not None),
            written,
        )

    def __contains__(self, text: str) -> bool:
        return text.casefold() in self.exact or any(pattern.search(text) for pattern in self.patterns)


@dataclass(frozen=True, slots=True)
class Said:
    """An event of one kind, each of some fields being one of some texts."""

    kind: str
    fields: Mapping[str, Texts]

    def met(self, kind: str, event: Any) -> bool:  # noqa: ANN401 - a record of schemas.events
        """Whether an event of a kind says so. A property that it lacks is none of any texts."""
        return kind == self.kind and all(
            (text := _text(event, field)) is not None and text in texts
            for field, texts in self.fields.items()
        )


def read(problems: Problems, path: str, kinds: Document) -> tuple[Said, ...]:
    """Conditions by kind of event, of which one is enough; other keys are the caller's."""
    return tuple(
        Said(kind, _fields(problems, f"{path}.{kind}", entry, KINDS[kind]))
        for kind, entry in kinds.items()
        if kind in KINDS
    )


def read_texts(problems: Problems, path: str, value: object, example: str) -> Texts:
    """One text or several, each exact or a regular expression."""
    entries = problems.texts(path, value, example)
    try:
        return Texts.of(entries)
    except re.error as error:
        problems.wrong(
            path, f"is a bad regular expression ({error}): correct what stands between the slashes"
        )
        return Texts(frozenset(), ())


def _fields(problems: Problems, path: str, value: object, known: tuple[str, ...]) -> dict[str, Texts]:
    entry = problems.mapping(path, value, (*known, "properties"))
    asked = {key: texts for key, texts in entry.items() if key in known}
    if "properties" in entry:
        named = problems.mapping(f"{path}.properties", entry["properties"])
        asked |= {PROPERTIES + name: texts for name, texts in named.items()}
    if not entry:
        problems.wrong(path, f"every event would do: name one of {', '.join((*known, 'properties'))}")
    return {field: _texts(problems, f"{path}.{field}", field, texts) for field, texts in asked.items()}


def _texts(problems: Problems, path: str, field: str, value: object) -> Texts:
    texts = read_texts(problems, path, value, "basket, [basket, wish_list] or /^basket/i")
    if field == "outcome":
        for word in sorted(texts.exact - {*OUTCOMES, ""}):
            problems.wrong(path, f"{word} is no outcome: write one of {', '.join(OUTCOMES)}")
    return texts


def _text(event: Any, field: str) -> str | None:  # noqa: ANN401
    if field.startswith(PROPERTIES):
        found: str | None = event.properties.get(field.removeprefix(PROPERTIES))
        return found
    text: str = getattr(event, field)
    return text
