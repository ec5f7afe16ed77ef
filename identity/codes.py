"""Codes: what stays the same of a value when it is misheard, mistyped or shortened.

For the parts of match keys. The phonetic ones are jellyfish's. A code begins with `~`, which no spelling
keeps through `normalise.text`; so a code is told from a value, and the code of a code is that code.
"""

import re
from collections.abc import Callable

from identity.errors import InvalidValueError

# Runs of what the phonetic codes know, English letters, and of everything else.
_RUNS = re.compile(r"[a-z]+|[^a-z]+")
_CODE = re.compile(r"~\S+")
# A date as other programs write it: the year comes first.
_DATE = re.compile(r"(\d{4})-?\d{2}-?\d{2}(?!\d)")
_YEAR = re.compile(r"\d{4}")

Code = Callable[[str], str]


def phonetic(name: str, text: Code) -> Code:
    """A code by sound: `metaphone`, `soundex`, `nysiis` or `match_rating`. Raises KeyError for another.

    `text` brings a value to lower case without accents and punctuation. Blanks do not count; digits and
    letters of other scripts stand as they are. Raises InvalidValueError for a value that says nothing.
    """
    import jellyfish  # noqa: PLC0415 - only match keys need it

    sound: Code = {
        "metaphone": jellyfish.metaphone,
        "soundex": jellyfish.soundex,
        "nysiis": jellyfish.nysiis,
        "match_rating": jellyfish.match_rating_codex,
    }[name]

    def code(raw: str) -> str:
        if _CODE.fullmatch(bare := raw.strip()):
            return bare
        runs = _RUNS.findall(_solid(raw, text))
        # A run without a sound of its own ("h") would else make a short name equal to none.
        return "~" + "".join((sound(run) or run) if run.isascii() and run.isalpha() else run for run in runs)

    return code


def letters(text: Code) -> Code:
    """The letters and digits in alphabetical order: two that changed places, or blanks, do not count."""

    def code(raw: str) -> str:
        if _CODE.fullmatch(bare := raw.strip()):
            return bare
        return "~" + "".join(sorted(_solid(raw, text)))

    return code


def year(raw: str) -> str:
    """The year of a date such as 1971-06-24 or 19710624. Raises InvalidValueError for anything else."""
    bare = raw.strip()
    if _YEAR.fullmatch(bare):
        return bare
    date = _DATE.match(bare)
    if date is None:
        raise InvalidValueError("not a date that begins with its year, such as 1971-06-24")
    return date[1]


def _solid(raw: str, text: Code) -> str:
    solid = text(raw).replace(" ", "")
    if not solid:
        raise InvalidValueError("no letter and no digit in it")
    return solid
