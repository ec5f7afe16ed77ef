"""Reading the rule file's `identifiers` and `match_keys`: rules of types, or every problem with them."""

import re
from dataclasses import replace
from typing import Final

from identity import normalise, personal
from identity.errors import InvalidValueError
from identity.notation import as_regex, is_regex
from identity.problems import Document, Problems
from identity.rules import DEFAULT_MAX, WHEN_SHARED, TypeRule

KEYS: Final = (
    "rank",
    "unique",
    "max",
    "normalise",
    "region",
    "max_age",
    "when_shared",
    "hot",
    "certainty",
    "block",
    "personal",
)
KEYS_OF_MATCH_KEYS: Final = (*KEYS, "from")

_NAME = re.compile(r"[A-Za-z0-9_.\-]{1,64}")
# A bound that no rule needs to pass; beyond it numbers no longer fit what stores hold them.
_MOST = 1_000_000


def read(problems: Problems, identifiers: object, match_keys: object) -> dict[str, TypeRule]:
    """The rules of both sections, by type."""
    types: dict[str, TypeRule] = {}
    for section, entries, keys in (
        ("identifiers", identifiers, KEYS),
        ("match_keys", match_keys, KEYS_OF_MATCH_KEYS),
    ):
        for name, entry in problems.entries(section, entries).items():
            path = f"{section}.{name}"
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                problems.wrong(
                    path, "a type is named by 1 to 64 letters, digits, '_', '.' or '-', quoted if all digits"
                )
            elif name in types:
                problems.wrong(path, "is also under 'identifiers': name the match key differently")
            else:
                said = problems.mapping(path, entry, keys)
                types[name] = _type(problems, name, path, said, made="from" in keys)
    if not types:
        problems.wrong("identifiers", "name at least one type, such as 'email: {rank: 1}'")
    return types


def _type(problems: Problems, name: str, path: str, entry: Document, *, made: bool) -> TypeRule:
    if entry.get("rank") is None:
        problems.wrong(
            f"{path}.rank", "is missing: write 1 for the strongest type, a larger number for a weaker one"
        )
    usual = entry.get("normalise", "text" if made else "none")
    normaliser = problems.one_of(f"{path}.normalise", usual, normalise.NAMES)
    paths, parts = _parts(problems, f"{path}.from", entry.get("from"), normaliser) if made else ((), ())
    region = entry.get("region")
    if region is not None and "phone" not in (normaliser, *parts):
        problems.wrong(f"{path}.region", "only serves 'normalise: phone': remove one or add the other")
    elif region is not None and not (isinstance(region, str) and region in normalise.regions()):
        problems.wrong(f"{path}.region", "write a country's two-letter code in quotes, such as 'GB'")
        region = None
    rule = TypeRule(
        name=name,
        certainty=problems.fraction(f"{path}.certainty", entry.get("certainty", 1.0)),
        when_shared=problems.one_of(f"{path}.when_shared", entry.get("when_shared", "newest"), WHEN_SHARED),
        rank=_count(problems, path, entry, "rank") or 1,
        max=_max(problems, path, entry),
        normalise=normaliser,
        region=region,
        max_age=None if entry.get("max_age") is None else problems.age(f"{path}.max_age", entry["max_age"]),
        hot=_count(problems, path, entry, "hot"),
        made_from=paths,
        part_normalise=parts,
        personal=personal.of_entry(problems, path, entry),
    )
    return _with_block(problems, f"{path}.block", entry.get("block", []), rule)


def _max(problems: Problems, path: str, entry: Document) -> int:
    unique = problems.flag(f"{path}.unique", entry.get("unique", False))
    limit = _count(problems, path, entry, "max")
    if unique and limit not in (None, 1):
        problems.wrong(path, "'unique: true' means 'max: 1': remove 'unique' or 'max'")
    return 1 if unique else limit or DEFAULT_MAX


def _count(problems: Problems, path: str, entry: Document, key: str) -> int | None:
    if key not in entry:
        return None
    value = entry[key]
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST:
        return value
    if key != "rank" or value is not None:  # a rank of nothing was named already
        problems.wrong(f"{path}.{key}", f"write a whole number from 1 to {_MOST}")
    return None


def _parts(
    problems: Problems, path: str, value: object, usual: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The attributes of a match key, and the normaliser of each where one is not the key's own."""
    if not isinstance(value, list) or not value:
        problems.wrong(path, "write a list of attributes, such as [name.surname, date_of_birth]")
        return (), ()
    parts: list[tuple[str, str]] = []
    for i, entry in enumerate(value):
        pairs = list(entry.items()) if isinstance(entry, dict) else [(entry, usual)]
        if len(pairs) != 1 or not (isinstance(pairs[0][0], str) and pairs[0][0]):
            problems.wrong(
                path, "write a list of attributes, such as [name.surname: metaphone, date_of_birth]"
            )
            return (), ()
        ((attribute, normaliser),) = pairs
        parts.append((attribute, problems.one_of(f"{path}[{i}].{attribute}", normaliser, normalise.NAMES)))
    paths, names = zip(*parts, strict=True)
    return paths, (() if set(names) == {usual} else names)


def _with_block(problems: Problems, path: str, entries: object, rule: TypeRule) -> TypeRule:
    """Exact entries are normalised like the values that they are compared with."""
    if not isinstance(entries, list):
        problems.wrong(path, 'write a list, such as ["test@test.com", "/^guest_/i"]')
        return rule
    normal = normalise.named(rule.normalise, rule.region)
    if rule.made_from:
        normal = normalise.joined([normalise.named(name, rule.region) for _, name in rule.parts])
    block: list[str] = []
    for i, entry in enumerate(entries):
        if not isinstance(entry, str):
            problems.wrong(f"{path}[{i}]", "write text, in quotes where YAML reads something else")
            continue
        if entry.startswith("/") and not is_regex(entry):
            problems.wrong(
                f"{path}[{i}]",
                "begins like a regular expression: write /…/ or /…/i with something between the slashes",
            )
            continue
        try:
            block.append(entry if as_regex(entry) else normal(entry).casefold())
        except re.error as error:
            problems.wrong(
                f"{path}[{i}]",
                f"is a bad regular expression ({error}): correct what stands between the slashes",
            )
        except InvalidValueError:
            # Never equal to a normalised value, but people list junk as they meet it.
            block.append(entry.casefold())
    return replace(rule, block=tuple(sorted(set(block))))
