"""Objections to being joined: who says so by an identifier stands apart with it, until he takes it back.

Some call it anonymous browsing. The rules name a purpose of consent for it, and a statement on that purpose
is a word of each identifier that it names: a withdrawal objects, a grant takes that back. The newest word
holds, and of two at the same moment the objection (`facts.Signs`). One is joined or not: whichever channel,
brand or locale a word is for, and for how long, makes no difference.

In step 2 an identifier that objects keeps no link, whenever that was first seen and whoever wants it
(`identity.staleness`). As ever there, only its own end is concerned.
"""

from collections.abc import Mapping
from typing import Final

from identity.consent import Permission, Statement, permission
from identity.facts import Signs, Word
from identity.problems import Problems

KEYS: Final = ("purpose",)


def told(purpose: str, claims: Mapping[Permission, Statement]) -> Signs | None:
    """What statements say of being joined, the rules' purpose for it being this; None if nothing."""
    words = [(word.at, word.withdrawn) for about, word in claims.items() if about.purpose == purpose]
    return Signs(word=Word(*max(words))) if words else None


def read(problems: Problems, section: object) -> str:
    """The rule file's `joining` section: the purpose, as statements have it."""
    entry = problems.mapping("joining", section, KEYS)
    purpose = entry.get("purpose")
    if isinstance(purpose, str) and purpose.strip():
        return permission(purpose).purpose
    if isinstance(section, dict):
        problems.wrong("joining.purpose", "write a purpose of consent, such as joining")
    return ""
