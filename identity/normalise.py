"""Normalisers: one spelling for each value.

Each maps a raw string to its normal form, or raises `InvalidValueError` saying what is wrong without
repeating the value (identifiers are personal data). All are idempotent. Addresses and numbers are
judged by well-kept libraries; both are imported on first use, for they are slow to load.
"""

import re
import unicodedata
from collections.abc import Callable

from identity.errors import InvalidValueError

Normaliser = Callable[[str], str]

NAMES = ("none", "email", "phone", "text")

_NOT_WORD = re.compile(r"[\W_]+")


def plain(raw: str) -> str:
    """Only white space at the ends goes."""
    return raw.strip()


def text(raw: str) -> str:
    """For names and addresses: case, accents, punctuation and spacing do not count."""
    # Casefold and decompose twice: each can make work for the other (U+0345, for one).
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", raw).casefold()).casefold()
    bare = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return _NOT_WORD.sub(" ", bare).strip()


def email(raw: str) -> str:
    """RFC 5321/5322 syntax by email-validator; lower case throughout, no look-up of the domain.

    The local part is case-sensitive by the letter of the RFC and by the practice of nobody.
    """
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - slow to import

    try:
        checked = validate_email(raw.strip(), check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise InvalidValueError("not an e-mail address") from None
    return checked.normalized.lower()


def phone(region: str | None) -> Normaliser:
    """E.164 by phonenumbers; `region` (ISO 3166, 'GB') reads numbers without a country code."""
    import phonenumbers  # noqa: PLC0415 - slow to import

    def normalise(raw: str) -> str:
        try:
            number = phonenumbers.parse(raw, region)
        except phonenumbers.NumberParseException:
            hint = "" if region else " with a country code (+…); or set 'region' in its rule"
            raise InvalidValueError(f"not a phone number{hint}") from None
        if not phonenumbers.is_possible_number(number):
            raise InvalidValueError("not a phone number of a possible length")
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)

    return normalise


def regions() -> frozenset[str]:
    """The region codes that `phone` takes."""
    import phonenumbers  # noqa: PLC0415 - slow to import

    return frozenset(phonenumbers.SUPPORTED_REGIONS)


def named(name: str, region: str | None = None) -> Normaliser:
    """The normaliser that a rule file calls `name`. Raises KeyError for a name not in `NAMES`."""
    if name == "phone":
        return phone(region)
    return {"none": plain, "email": email, "text": text}[name]
