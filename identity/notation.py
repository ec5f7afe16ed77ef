"""How rules write ages and patterns."""

import re

DAY = 86_400_000_000  # microseconds

_AGE = re.compile(r"(\d{1,12})\s*([smhdw])")
_UNIT = {"s": DAY // 86_400, "m": DAY // 1_440, "h": DAY // 24, "d": DAY, "w": 7 * DAY}
# A bound that no rule needs to pass; beyond it numbers no longer fit what stores hold them.
_OLDEST = 100 * 366 * DAY
AGE_REMEDY = "write a whole number and a unit (s, m, h, d, w), such as 365d"


def as_age(entry: object) -> int | None:
    """The microseconds that `365d` and the like mean; None of anything else."""
    match = _AGE.fullmatch(entry) if isinstance(entry, str) else None
    age = int(match[1]) * _UNIT[match[2]] if match is not None else 0
    return age if 0 < age <= _OLDEST else None


_REGEX = re.compile(r"/(.+)/(i?)", re.DOTALL)


def is_regex(entry: str) -> bool:
    """Whether an entry of a block list is written as `/…/` or `/…/i`."""
    return _REGEX.fullmatch(entry) is not None


def as_regex(entry: str) -> re.Pattern[str] | None:
    """The pattern that an entry means, or None of an exact value. Raises re.error."""
    match = _REGEX.fullmatch(entry)
    if match is None:
        return None
    return re.compile(match[1], re.IGNORECASE if match[2] else 0)
