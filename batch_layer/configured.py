"""The catalogue of a configuration: what its sources may feed, before anything has come."""

from collections.abc import Iterable

from batch_layer.catalogue import Count, Kind, fed
from batch_layer.sources.model import Source as Definition
from identity import Rules
from schemas.claims import EMAIL_SOURCE, SELF_SERVICE, WEB_SOURCE
from schemas.counted import Fed, Source

_NEVER = Count()


def configured(rules: Rules, definitions: Iterable[Definition]) -> list[Source]:
    """Events, whose identifiers may be of any type that the rules name, and slow sources as they are defined.

    Of events the attributes are told that the rules take from them.
    """
    types = [rule.name for rule in rules.types.values() if not rule.made_from]
    events = [
        Source(
            name=name,
            way="events",
            identifiers=[_fed(rules, name, "identifier", type_) for type_ in sorted(types)],
            attributes=[_fed(rules, name, "attribute", path) for path in sorted(_taken(rules, name))],
        )
        for name in (EMAIL_SOURCE, SELF_SERVICE, WEB_SOURCE)
    ]
    return [*events, *(_defined(rules, each) for each in sorted(definitions, key=lambda each: each.name))]


def _defined(rules: Rules, definition: Definition) -> Source:
    name, said = definition.name, definition.personal
    return Source(
        name=name,
        way="records",
        identifiers=[
            _fed(rules, name, "identifier", type_, said.get(type_))
            for type_ in sorted(definition.identifiers)
        ],
        attributes=[
            _fed(rules, name, "attribute", path, said.get(path)) for path in sorted(definition.attributes)
        ],
    )


def _taken(rules: Rules, source: str) -> set[str]:
    profile = {rule.name for rule in rules.profile.values() if rule.takes(source)}
    return profile.union(*(key.made_from for key in rules.match_keys))


def _fed(rules: Rules, source: str, kind: Kind, name: str, said: str | None = None) -> Fed:
    return fed(rules, source, kind, name, said, _NEVER)
