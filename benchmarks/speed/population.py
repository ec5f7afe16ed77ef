"""Made-up customers: each follows from their number, so none needs to be kept."""

from functools import lru_cache
from typing import NamedTuple

_MASK = 2**64 - 1
_FIRST = ("alex", "kim", "sam", "maria", "wei", "fatima", "olga", "jose", "amina", "lars", "priya")
_LAST = ("smith", "garcia", "chen", "ivanova", "khan", "okafor", "jensen", "rossi", "novak", "silva")
_DOMAINS = ("example.com", "example.org", "example.net")


class Person(NamedTuple):
    """What one customer can be known by; an empty text stands for none."""

    cookies: tuple[str, ...]
    login: str
    email: str


@lru_cache(maxsize=1 << 16)
def person(number: int) -> Person:
    """The customer of that number: 1 to 3 cookies, 70% with a login, 50% with an address.

    Who has neither has two cookies at least, for else nothing would ever be told of them together.
    """
    chance = _mix(number)
    login = f"u-{number:08d}" if chance % 10 < 7 else ""
    email = _email(number, chance >> 16) if (chance >> 8) % 10 < 5 else ""
    fewest = 1 if login or email else 2
    count = fewest + (chance >> 24) % (4 - fewest)
    tag = chance >> 34
    return Person(tuple(f"GA1.2.{4 * number + i + 1_000_000_000}.{tag}" for i in range(count)), login, email)


def _email(number: int, chance: int) -> str:
    first, last = _FIRST[chance % len(_FIRST)], _LAST[(chance >> 4) % len(_LAST)]
    return f"{first}.{last}{number}@{_DOMAINS[chance % len(_DOMAINS)]}"


def _mix(number: int) -> int:
    """64 bits that look like chance (the finaliser of SplitMix64)."""
    x = (number * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)
