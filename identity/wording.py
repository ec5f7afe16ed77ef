"""The conditions of segments in words: for whoever sees a segment, and has not written the rule file."""

from collections.abc import Iterable
from typing import Final

from identity.conditions import PROPERTIES, Said, Texts
from identity.consent import Permission
from identity.notation import DAY, is_regex
from identity.segments import Conditions, Counted, Known, Permits

_SPANS: Final = ((DAY, "day"), (DAY // 24, "hour"), (DAY // 1_440, "minute"), (DAY // 86_400, "second"))
_STATUSES: Final = {"allowed": "permitted", "denied": "denied", "unknown": "never asked for"}


def worded(conditions: Conditions) -> list[str]:
    """Each condition, all of which have to be met, in words such as `spent is at least 500`."""
    return [
        *map(_known, conditions.profile),
        *map(_counted, conditions.events),
        *map(_permits, conditions.consents),
    ]


def _known(known: Known) -> str:
    if known.texts is not None:
        return f"{known.attribute} {_texts(known.texts)}"
    low, high = known.minimum, known.maximum
    if low is None and high is None:
        return f"{known.attribute} is {'' if known.known else 'not '}known"
    if low is not None and high is not None:
        return f"{known.attribute} is from {low} to {high}"
    return f"{known.attribute} is {f'at most {high}' if low is None else f'at least {low}'}"


def _counted(counted: Counted) -> str:
    what = _or(_event(said) for said in counted.said)
    within = "" if counted.within is None else f", within {_span(counted.within)}"
    return f"{_number(counted.least, counted.most)}: {what}{within}"


def _number(least: int, most: int | None) -> str:
    if most is None:
        return f"at least {_times(least)}"
    if least == most:
        return "never" if most == 0 else f"exactly {_times(most)}"
    return f"{least} to {_times(most)}" if least else f"at most {_times(most)}"


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def _event(said: Said) -> str:
    named = {name.removeprefix(PROPERTIES): texts for name, texts in said.fields.items()}
    return f"{said.kind} event whose {', '.join(f'{name} {_texts(texts)}' for name, texts in named.items())}"


def _texts(texts: Texts) -> str:
    """`is GB or IE or matches /^G/`."""
    exact = [entry for entry in texts.written if not is_regex(entry)]
    patterns = [f"matches {entry}" for entry in texts.written if is_regex(entry)]
    return _or([f"is {_or(exact)}", *patterns] if exact else patterns)


def _permits(permits: Permits) -> str:
    statuses = [word for status, word in _STATUSES.items() if status in permits.statuses]
    return f"{_permission(permits.asked)} is {_or(statuses)}"


def _permission(asked: Permission) -> str:
    said = ((name, value) for name, value in asked._asdict().items() if value and name != "purpose")
    return " ".join([asked.purpose, *(f"({name} {value})" for name, value in said)])


def _span(microseconds: int) -> str:
    size, unit = next((size, unit) for size, unit in _SPANS if microseconds % size == 0)
    number = microseconds // size
    return f"{number:,} {unit}{'' if number == 1 else 's'}"


def _or(words: Iterable[str]) -> str:
    return " or ".join(words)
