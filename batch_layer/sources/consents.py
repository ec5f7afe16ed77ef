"""What SOURCE.yaml says of consents: which columns, or fixed words, state which permission."""

from typing import Final, Literal

from batch_layer.sources.model import Consent, Status, Template
from batch_layer.sources.words import filled, words
from identity.problems import Document, Problems
from schemas.checks import MAX_PURPOSES, MAX_VALUE, MAX_WORD

KEYS: Final = (
    *("purpose", "channel", "brand", "locale", "status", "stated_at", "valid_from", "valid_until", "proof"),
)
STATUS: Final = ("column", "granted", "withdrawn", "unknown")

# How long each text may be, as in events.
LENGTHS: Final = {
    "purpose": MAX_WORD,
    "channel": MAX_WORD,
    "brand": MAX_WORD,
    "locale": MAX_WORD,
    "proof": MAX_VALUE,
}

_EXAMPLES = {
    "purpose": "marketing",
    "channel": "email",
    "brand": "north",
    "locale": "en-gb",
    "proof": '"form-{form_no}"',
}
_NOTHING = Template(("",))


def read(problems: Problems, document: object) -> tuple[Consent, ...]:
    """The section `consents`: a list, one entry a permission."""
    if not isinstance(document, list):
        problems.wrong("consents", "write a list, an entry a permission: '- {purpose: marketing, status: …}'")
        return ()
    if len(document) > MAX_PURPOSES:
        problems.wrong("consents", f"has {len(document)} entries, at most {MAX_PURPOSES} are taken")
    return tuple(_consent(problems, f"consents.{i}", entry) for i, entry in enumerate(document, 1))


def _consent(problems: Problems, path: str, document: object) -> Consent:
    entry = problems.mapping(path, document, KEYS)
    texts = {name: _text(problems, path, name, entry[name]) for name in LENGTHS if name in entry}
    if "purpose" not in entry:
        problems.wrong(f"{path}.purpose", "is missing: name what is permitted, such as marketing")
    times = {
        name: problems.text(f"{path}.{name}", entry[name], "newsletter_changed")
        for name in ("stated_at", "valid_from", "valid_until")
        if name in entry
    }
    return Consent(
        purpose=texts.get("purpose", _NOTHING),
        status=_status(problems, f"{path}.status", entry.get("status")),
        channel=texts.get("channel", _NOTHING),
        brand=texts.get("brand", _NOTHING),
        locale=texts.get("locale", _NOTHING),
        proof=texts.get("proof"),
        **times,
    )


def _text(problems: Problems, path: str, name: str, value: object) -> Template:
    path = f"{path}.{name}"
    template = filled(problems, path, problems.text(path, value, _EXAMPLES[name]))
    if not template.columns and len(template.parts[0]) > LENGTHS[name]:
        problems.wrong(path, f"is longer than {LENGTHS[name]} characters: write a shorter one")
    if not template.columns and not template.parts[0].strip():
        problems.wrong(path, f"is blank: write a text, such as {_EXAMPLES[name]}, or leave it out")
    return template


def _status(problems: Problems, path: str, value: object) -> Status | Literal["granted", "withdrawn"]:
    if value in ("granted", "withdrawn"):
        return value
    if not isinstance(value, dict):
        problems.wrong(
            path,
            "write granted or withdrawn where every record says so, else "
            "{column: newsletter, granted: [Y], withdrawn: [N]}",
        )
        return "withdrawn"
    entry = problems.mapping(path, value, STATUS)
    told = _told(problems, path, entry)
    status = Status(problems.text(f"{path}.column", entry.get("column"), "newsletter"), **told)
    each = [
        word.lower()
        for some in (status.granted, status.withdrawn, status.unknown)
        for word in {*map(str.lower, some)}
    ]
    if len(each) > len(set(each)):
        problems.wrong(path, "one value means two things: put each in one of granted, withdrawn and unknown")
    return status


def _told(problems: Problems, path: str, entry: Document) -> dict[str, tuple[str, ...]]:
    examples = {"granted": '[Y, "1"]', "withdrawn": '[N, "0"]', "unknown": "[U]"}
    return {
        name: words(problems, f"{path}.{name}", entry[name], example)
        for name, example in examples.items()
        if name in entry
    }
