"""Reading the rule file's `segments` section, or every problem with it."""

import json
import re
from collections.abc import Mapping
from typing import Final, cast, get_args

from identity import conditions
from identity.attributes import RULES, AttributeRule, spelled
from identity.consent import Permission, Status, permission
from identity.errors import InvalidValueError
from identity.problems import Document, Problems
from identity.segments import Conditions, Counted, Known, Permits, Segment

CONDITION_KEYS: Final = ("profile", "events", "consents")
KEYS: Final = (*CONDITION_KEYS, "unless", "key")
EVENT_KEYS: Final = (*conditions.KINDS, "within", "min", "max")
KNOWN_KEYS: Final = ("known", "min", "max")
CONSENT_KEYS: Final = (*Permission._fields, "status")

STATUSES: Final = get_args(Status)

# Events that a condition can ask for: an identifier keeps as many of them.
MOST: Final = 1_000

_SUCH_AS: Final = {"purpose": "marketing", "channel": "email", "brand": "north", "locale": "en-gb"}
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def read(problems: Problems, section: object, profile: Mapping[str, AttributeRule]) -> dict[str, Segment]:
    """The segments, by name; conditions can ask for the attributes of `profile`."""
    return {
        name: _segment(problems, name, problems.mapping(f"segments.{name}", entry, KEYS), profile)
        for name, entry in problems.mapping("segments", section).items()
    }


def _segment(problems: Problems, name: str, entry: Document, profile: Mapping[str, AttributeRule]) -> Segment:
    path = f"segments.{name}"
    if not _NAME.fullmatch(name):
        problems.wrong(path, "name it with up to 64 small letters, digits and '_', a letter first")
    unless = None
    if "unless" in entry:
        excluded = problems.mapping(f"{path}.unless", entry["unless"], CONDITION_KEYS)
        unless = _conditions(problems, f"{path}.unless", f"#{name}.unless", excluded, profile)
    return Segment(
        name=name,
        when=_conditions(problems, path, f"#{name}", entry, profile),
        unless=unless,
        key=problems.flag(f"{path}.key", entry.get("key", False)),
        meaning="" if problems.found else json.dumps(entry, sort_keys=True, default=str),
    )


def _conditions(
    problems: Problems, path: str, register: str, entry: Document, profile: Mapping[str, AttributeRule]
) -> Conditions:
    asked = problems.mapping(f"{path}.profile", entry.get("profile", {}))
    counted = _list(problems, path, entry, "events", "{web: {kind: purchase}, within: 90d}")
    permits = _list(problems, path, entry, "consents", "{purpose: marketing, channel: email}")
    if not (asked or counted or permits or None in (counted, permits)):
        problems.wrong(path, "everybody would do: name conditions under 'profile', 'events' or 'consents'")
    return Conditions(
        tuple(
            _known(problems, f"{path}.profile.{name}", name, value, profile) for name, value in asked.items()
        ),
        tuple(
            _counted(problems, f"{path}.events[{i}]", f"{register}.{i}", value)
            for i, value in enumerate(counted or ())
        ),
        tuple(_permits(problems, f"{path}.consents[{i}]", value) for i, value in enumerate(permits or ())),
    )


def _list(problems: Problems, path: str, entry: Document, key: str, example: str) -> list[object] | None:
    """What stands under a key; None of what is no list."""
    value = entry.get(key, [])
    if isinstance(value, list):
        return value
    problems.wrong(f"{path}.{key}", f"write a list, such as [{example}]")
    return None


def _permits(problems: Problems, path: str, value: object) -> Permits:
    entry = problems.mapping(path, value, CONSENT_KEYS)
    words = {
        name: problems.text(f"{path}.{name}", entry.get(name), _SUCH_AS[name])
        for name in Permission._fields
        if name in entry or name == "purpose"
    }
    statuses = problems.texts(f"{path}.status", entry.get("status", "allowed"), "denied or [denied, unknown]")
    known = [problems.one_of(f"{path}.status", status, STATUSES) for status in statuses]
    return Permits(permission(**words), frozenset(cast("list[Status]", known)))


def _known(
    problems: Problems, path: str, name: str, value: object, profile: Mapping[str, AttributeRule]
) -> Known:
    rule = profile.get(name)
    if rule is None:
        problems.wrong(path, "is no attribute of 'profile': name it there, too")
        return Known(name, "text")
    if not isinstance(value, dict):
        return Known(name, rule.type, texts=_texts(problems, path, value, rule.type))
    entry = problems.mapping(path, value, KNOWN_KEYS)
    if "known" in entry:
        if len(entry) > 1:
            problems.wrong(path, "'known' stands alone: who is within bounds is known")
        return Known(name, rule.type, known=problems.flag(f"{path}.known", entry["known"]))
    if rule.type not in RULES["max"] or not entry:
        problems.wrong(path, f"write a value, 'known', or, for {' and '.join(RULES['max'])}, 'min' and 'max'")
        return Known(name, rule.type)
    bounds = {key: _spelled(problems, f"{path}.{key}", bound, rule.type) for key, bound in entry.items()}
    return Known(name, rule.type, minimum=bounds.get("min"), maximum=bounds.get("max"))


def _texts(problems: Problems, path: str, value: object, type_: str) -> conditions.Texts:
    if type_ == "text":
        return conditions.read_texts(problems, path, value, "GB, [GB, IE] or /^[GI]/")
    values = value if isinstance(value, list) else [value]
    return conditions.Texts.of(filter(None, (_spelled(problems, path, one, type_) for one in values)))


def _spelled(problems: Problems, path: str, value: object, type_: str) -> str | None:
    text = str(value).lower() if isinstance(value, bool) else problems.text(path, value, "2026-01-31 or 100")
    try:
        found = spelled(text, type_)
    except InvalidValueError as error:
        problems.wrong(path, str(error))
        return None
    if found is None and text:
        problems.wrong(path, f"stands for no value: write a {type_}")
    return found


def _counted(problems: Problems, path: str, register: str, value: object) -> Counted:
    entry = problems.mapping(path, value, EVENT_KEYS)
    said = conditions.read(problems, path, entry)
    if not said:
        problems.wrong(path, "name what happens, such as {web: {kind: purchase}}")
    most = _number(problems, f"{path}.max", entry["max"]) if "max" in entry else None
    least = _number(problems, f"{path}.min", entry["min"]) if "min" in entry else 1 if most is None else 0
    if most is None and least == 0:
        problems.wrong(f"{path}.min", "any number would do: write 1 or more, or a 'max'")
    if most is not None and most < least:
        problems.wrong(f"{path}.max", "is less than 'min': no number is between them")
    within = problems.age(f"{path}.within", entry["within"]) if "within" in entry else None
    return Counted(register, said, within, least, most)


def _number(problems: Problems, path: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST:
        return value
    problems.wrong(path, f"write a whole number below {MOST:,}")
    return 1
