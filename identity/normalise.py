"""Normalisers: one spelling for each value.

Each maps a raw string to its normal form, or raises `InvalidValueError` saying what is wrong without
repeating the value (identifiers are personal data). All are idempotent. Addresses and numbers are
judged by well-kept libraries; both are imported on first use, for they are slow to load. Codes, which
forgive a misspelling, are in `identity.codes`.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache

from identity import codes
from identity.errors import InvalidValueError

Normaliser = Callable[[str], str]

PHONETIC = ("metaphone", "soundex", "nysiis", "match_rating")
NAMES = ("none", "email", "phone", "text", *PHONETIC, "letters", "year")

# Joins the parts of a match key. The text normaliser and the codes never leave it inside a part.
SEPARATOR = "|"

# Accents of the Latin, Greek and Cyrillic scripts. Elsewhere marks are letters: without its vowel signs
# a Hindi name is another name.
_ACCENTS = dict.fromkeys(range(0x0300, 0x0370))

# The general categories that words are made of: letters, marks and numbers.
_WORD = frozenset("LMN")


# What email-validator takes as it is, which is nearly every address: plain words with single dots between
# them, a domain of plain labels (a hyphen stands alone, for two may announce another alphabet), and a name
# of letters at its end. The validator takes some 25 microseconds for it. A property test compares them.
_USUAL_ADDRESS = re.compile(
    r"[A-Za-z0-9_+]+(?:[.-][A-Za-z0-9_+]+)*@(?:[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*\.)+[A-Za-z]{2,24}"
)
# So short that no part of it can be too long.
_SHORT = 63


def plain(raw: str) -> str:
    """Only white space at the ends goes."""
    return raw.strip()


def text(raw: str) -> str:
    """For names and addresses: case, accents, punctuation and spacing do not count."""
    # Casefold and decompose twice: each can make work for the other (U+0345, for one).
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", raw).casefold()).casefold()
    bare = unicodedata.normalize("NFKD", folded).translate(_ACCENTS)
    words = "".join(c if unicodedata.category(c)[0] in _WORD else " " for c in bare)
    return unicodedata.normalize("NFC", " ".join(words.split()))


def email(raw: str) -> str:
    """RFC 5321/5322 syntax by email-validator; lower case throughout, no look-up of the domain.

    The local part is case-sensitive by the letter of the RFC and by the practice of nobody.
    """
    bare = raw.strip()
    if len(bare) <= _SHORT and _USUAL_ADDRESS.fullmatch(bare):
        value = bare.lower()
        if not value.endswith(_reserved_domains()):
            return value
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - slow to import

    try:
        checked = validate_email(bare, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise InvalidValueError("not an e-mail address") from None
    return checked.normalized.lower()


@cache
def _reserved_domains() -> tuple[str, ...]:
    """The ends of domains that no address can have."""
    from email_validator import SPECIAL_USE_DOMAIN_NAMES  # noqa: PLC0415 - slow to import

    return tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)


def phone(region: str | None) -> Normaliser:
    """E.164 by phonenumbers; `region` (ISO 3166, 'GB') reads numbers without a country code."""
    import phonenumbers  # noqa: PLC0415 - slow to import

    def normalise(raw: str) -> str:
        try:
            number = phonenumbers.parse(raw, region)
        except phonenumbers.NumberParseException:
            hint = "" if region else " with a country code (+…); or set 'region' in its rule"
            raise InvalidValueError(f"not a phone number{hint}") from None
        # A number without its area code is possible too, and means somebody else in the next town.
        if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
            raise InvalidValueError("not a phone number of a possible length, area code included")
        normal = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if phonenumbers.parse(normal) != phonenumbers.parse(raw, region):
            raise InvalidValueError("a phone number that reads differently in international form")
        return normal

    return normalise


def regions() -> frozenset[str]:
    """The region codes that `phone` takes."""
    import phonenumbers  # noqa: PLC0415 - slow to import

    return frozenset(phonenumbers.SUPPORTED_REGIONS)


def named(name: str, region: str | None = None) -> Normaliser:
    """The normaliser that a rule file calls `name`. Raises KeyError for a name not in `NAMES`."""
    if name == "phone":
        return phone(region)
    if name in PHONETIC:
        return codes.phonetic(name, text)
    if name == "letters":
        return codes.letters(text)
    return {"none": plain, "email": email, "text": text, "year": codes.year}[name]


def joined(parts: Sequence[Normaliser]) -> Normaliser:
    """For the value of a match key, which is asked for or blocked as a whole: each part by its own."""

    def normalise(raw: str) -> str:
        values = raw.split(SEPARATOR)
        if len(values) != len(parts):
            raise InvalidValueError(f"not a match key of {len(parts)} parts with {SEPARATOR} between them")
        return SEPARATOR.join(part(value) for part, value in zip(parts, values, strict=True))

    return normalise
