"""Synthetic facts of known shape, the same for one seed on any machine."""

from collections.abc import Iterable
from itertools import pairwise
from random import Random
from typing import NamedTuple

from identity import Facts, Identifier, Rules, rulefile

RULES = """
identifiers:
  login:  {rank: 1, unique: true}
  email:  {rank: 3, normalise: email, max: 5, max_age: 365d}
  cookie: {rank: 9, max: 50, max_age: 390d, certainty: 0.6}
"""

COOKIES = 3
LINKS_EACH = 1 + COOKIES + (COOKIES - 1)
SHARED = 0.05  # of all people use a device that someone else used before
SECOND = 1_000_000


class Sighting(NamedTuple):
    """Two identifiers seen together, and when (event time and ingestion time at once)."""

    a: Identifier
    b: Identifier
    at: int


def rules() -> Rules:
    """The rules of all benchmarks: limits, ages and owners to decide on, as in production."""
    return rulefile.parse(RULES, source="benchmarks")


def people(links: int, seed: int = 0) -> list[Sighting]:
    """This many different links: many small components, in the order of chance, as a log has them."""
    random = Random(seed)
    pairs: list[tuple[Identifier, Identifier]] = []
    cookies: list[Identifier] = []
    for person in range(-(-links // LINKS_EACH)):
        login = Identifier("login", f"u{person}")
        email = Identifier("email", f"user{person}@example.com")
        shared = cookies[:1] if random.random() < SHARED else []
        own = [Identifier("cookie", f"{random.getrandbits(64):x}") for _ in range(COOKIES - len(shared))]
        cookies = own + shared
        pairs.append((login, email))
        pairs += [(login, cookie) for cookie in cookies]
        pairs += [(email, cookie) for cookie in cookies[1:]]
    random.shuffle(pairs)
    return [Sighting(a, b, i * SECOND) for i, (a, b) in enumerate(pairs[:links])]


def path(identifiers: int) -> list[Sighting]:
    """One chain, by turns an address and a cookie: a component as long as it can be."""
    chain = [
        Identifier("cookie", f"c{i}") if i % 2 else Identifier("email", f"user{i}@example.com")
        for i in range(identifiers)
    ]
    return [Sighting(a, b, i * SECOND) for i, (a, b) in enumerate(pairwise(chain))]


def hub(identifiers: int) -> list[Sighting]:
    """One address that all others were seen with: an identifier as crowded as it can be."""
    centre = Identifier("email", "info@example.com")
    return [Sighting(centre, Identifier("cookie", f"c{i}"), i * SECOND) for i in range(identifiers - 1)]


def facts_of(sightings: Iterable[Sighting]) -> Facts:
    """The facts that these sightings make."""
    facts = Facts()
    for a, b, at in sightings:
        facts.add_sighting((a, b), at, at)
    return facts
