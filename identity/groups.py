"""Groups of customers: households, businesses, portfolios; whoever says the same in some attributes.

One rule serves all: a household shares an address or a phone, the contacts of a business its number, the
accounts of a portfolio who looks after them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from identity import normalise
from identity.attributes import AttributeRule, spelled
from identity.errors import InvalidValueError
from identity.problems import Document, Problems
from identity.profile import Value

KEYS: Final = ("same", "min", "max", "sites", "sum", "key")

# What a group can be key for, besides its sums.
COUNTS: Final = ("customers", "sites")

# Customers who may share a value, unless a rule says otherwise: more is an office or a misprint.
USUAL_MAX: Final = 100
_MOST = 1_000_000


@dataclass(frozen=True)
class GroupRule:
    """Customers belong together who agree in all attributes of one entry of `same`, as texts without accents.

    What more than `most` customers agree in joins nobody; fewer than `least` are no group. `sites` are the
    attributes that tell a group's places apart, `sums` the numbers that are added up. A group that reaches
    one of the numbers in `key`, by the name of a sum or of COUNTS, is key.
    """

    name: str
    same: tuple[tuple[str, ...], ...]
    least: int = 2
    most: int = USUAL_MAX
    sites: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    key: tuple[tuple[str, str], ...] = ()

    def reasons(self, totals: Mapping[str, Decimal]) -> list[str]:
        """Why a group with these sums and counts is key, by name; nothing where it is not."""
        return [name for name, least in self.key if name in totals and totals[name] >= Decimal(least)]

    def keys(self, profile: Mapping[str, Value]) -> Iterator[str]:
        """What a customer with a profile shares with those whom it belongs with."""
        for place, attributes in enumerate(self.same):
            said = _said(attributes, profile)
            if said is not None:
                yield f"{place}{normalise.SEPARATOR}{said}"

    def site(self, profile: Mapping[str, Value]) -> str | None:
        """Which place a customer is at, if it says so."""
        return _said(self.sites, profile) if self.sites else None


def _said(attributes: Sequence[str], profile: Mapping[str, Value]) -> str | None:
    """The values of some attributes as one text, or None where one of them says nothing."""
    values = [normalise.text(profile[name].value) if name in profile else "" for name in attributes]
    return normalise.SEPARATOR.join(values) if all(values) else None


def read(problems: Problems, section: object, profile: Mapping[str, AttributeRule]) -> dict[str, GroupRule]:
    """The rule file's `groups` section, by name; groups can ask for the attributes of `profile`."""
    return {
        name: _group(problems, name, problems.mapping(f"groups.{name}", entry, KEYS), profile)
        for name, entry in problems.mapping("groups", section).items()
    }


def _group(problems: Problems, name: str, entry: Document, profile: Mapping[str, AttributeRule]) -> GroupRule:
    path = f"groups.{name}"
    same = entry.get("same")
    if not isinstance(same, list) or not same:
        problems.wrong(f"{path}.same", "write a list, such as [[address.street, address.postcode], phone]")
        same = []
    group = GroupRule(
        name=name,
        same=tuple(problems.texts(f"{path}.same[{i}]", one, "phone") for i, one in enumerate(same)),
        least=_count(problems, f"{path}.min", entry.get("min", 2)),
        most=_count(problems, f"{path}.max", entry.get("max", USUAL_MAX)),
        sites=problems.texts(f"{path}.sites", entry["sites"], "address.postcode") if "sites" in entry else (),
        sums=problems.texts(f"{path}.sum", entry["sum"], "spent") if "sum" in entry else (),
        key=_key(problems, f"{path}.key", entry.get("key", {})),
    )
    for attribute in dict.fromkeys(
        [*(one for some in group.same for one in some), *group.sites, *group.sums]
    ):
        if attribute and attribute not in profile:
            problems.wrong(path, f"{attribute} is no attribute of 'profile': name it there, too")
        elif attribute in group.sums and profile[attribute].type != "number":
            problems.wrong(f"{path}.sum", f"{attribute} is no number")
    for reason, _ in group.key:
        if reason not in (*COUNTS, *group.sums):
            problems.wrong(
                f"{path}.key.{reason}", f"is nothing that is counted: {', '.join(COUNTS)}, or one of 'sum'"
            )
    if group.most < group.least:
        problems.wrong(f"{path}.max", "is less than 'min': no group is between them")
    return group


def _key(problems: Problems, path: str, value: object) -> tuple[tuple[str, str], ...]:
    found = []
    for name, least in problems.mapping(path, value).items():
        try:
            number = spelled(problems.text(f"{path}.{name}", least, "3"), "number")
        except InvalidValueError as error:
            problems.wrong(f"{path}.{name}", str(error))
            continue
        if number is not None:
            found.append((name, number))
    return tuple(found)


def _count(problems: Problems, path: str, value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MOST:
        return value
    problems.wrong(path, f"write a whole number from 1 to {_MOST:,}")
    return 1
