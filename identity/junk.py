"""Values that systems write where they know nothing. They are blocked for every type.

Collected from what analytics and CRM exports contain; compared in any case, after normalising.
"""

import re

WORDS = frozenset(
    {
        "-1",
        "(none)",
        "(not set)",
        "(null)",
        "[object object]",
        "anonymous",
        "n/a",
        "nan",
        "nil",
        "none",
        "null",
        "undefined",
        "unknown",
    }
)

_LONGEST = max(map(len, WORDS))

# Nothing, or only zeros and dashes: a UUID or a device id that was never set.
_EMPTY = re.compile(r"[0\-\s]*")


def is_junk(value: str) -> bool:
    """Whether a value stands for 'no value'."""
    if len(value) > _LONGEST:  # no letter folds to less than one
        return not value[0].isalpha() and _EMPTY.fullmatch(value) is not None
    return value.casefold() in WORDS or _EMPTY.fullmatch(value) is not None
