"""The people of the demo's story: who they are, what they own, and how they write it down.

All of it is made up: example.com and its siblings (RFC 2606), numbers that start in the ranges Ofcom
keeps for drama (07700 900…, 01632 960…, 020 7946 0…), and postcodes of an area ZZ that does not exist.
"""

from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import Final

from identity.normalise import text

GIVEN: Final = (
    "Ada", "Alan", "Amir", "Beth", "Carl", "Chloé", "Dora", "Ed", "Femi", "Grace", "Hugo", "Ines", "Jack",
    "Kate", "Liam", "Mei", "Nora", "Omar", "Priya", "Quinn", "Rosa", "Sam", "Tess", "Uma", "Victor", "Wendy",
    "Xena", "Yusuf", "Zoë",
)  # fmt: skip
SURNAMES: Final = (
    "Abbott", "Ahmed", "Baker", "Brontë", "Chen", "Cole", "Davies", "Dunn", "Evans", "Fox", "Green", "Hall",
    "Hughes", "Iqbal", "Jones", "Kaur", "Khan", "Lee", "Mason", "Nowak", "O'Neill", "Okafor", "Patel",
    "Price", "Quill", "Reed", "Shah", "Smith-Jones", "Stone", "Taylor", "Usher", "Vaughan", "Walsh", "Yates",
    "Young", "Zielińska",
)  # fmt: skip
DOMAINS: Final = ("example.com", "example.org", "example.net", "mail.example.com")

KINDS: Final = {"member": 60, "guest": 18, "anonymous": 14, "store": 8}  # per cent

# The share of people who live with the next one to three, who work in an office, who use the café.
HOUSEHOLDS: Final = 0.02
OFFICE_WORKERS: Final = 0.06
CAFE_GOERS: Final = 0.06
OFFICES: Final = (
    ("info@office-one.example.com", "+442079460001"),
    ("reception@office-two.example.com", "+442079460002"),
)
CAFE: Final = "cafe-terminal-1"


@dataclass(slots=True)
class Person:
    """One person, and everything that is theirs in its normal form; `shared_…` is not theirs alone."""

    name: str
    kind: str
    given: str
    surname: str
    born: str
    postcode: str
    emails: list[str]
    phone: str
    cookies: list[str]
    login: str = ""
    crm: tuple[str, ...] = ()
    loyalty: tuple[str, ...] = ()
    shared_cookie: str | None = None
    shared_email: str | None = None
    shared_phone: str | None = None

    @property
    def identifiers(self) -> list[tuple[str, str]]:
        """What is the person's own, but for the match key, as (type, normal value)."""
        own = {
            "cookie": self.cookies,
            "crm": self.crm,
            "email": self.emails,
            "login": (self.login,) if self.login else (),
            "loyalty": self.loyalty,
            "phone": (self.phone,),
        }
        return [(type_, value) for type_, values in own.items() for value in values]

    @property
    def details(self) -> dict[str, str]:
        """What a form or a CRM record says of the person."""
        return {
            "name.given": self.given,
            "name.surname": self.surname,
            "date_of_birth": self.born,
            "address.postcode": self.postcode,
        }


def chance(rng: Random, share: float) -> bool:
    """Whether something happens that happens in this share of cases."""
    return rng.random() < share


def cast(rng: Random, count: int) -> list[Person]:
    """So many people, with their households, offices and café."""
    people = [_person(rng, number) for number in range(count)]
    for number, person in enumerate(people):
        if chance(rng, HOUSEHOLDS):
            _move_in(people[number : number + rng.randint(2, 4)], number)
        if chance(rng, OFFICE_WORKERS):
            person.shared_email, person.shared_phone = rng.choice(OFFICES)
        elif person.kind == "member" and chance(rng, CAFE_GOERS):
            person.shared_cookie = CAFE
    return people


def _person(rng: Random, number: int) -> Person:
    kind = rng.choices([*KINDS], [*KINDS.values()])[0]
    given, surname = rng.choice(GIVEN), rng.choice(SURNAMES)
    plain = text(f"{given} {surname}").replace(" ", ".")
    person = Person(
        name=f"person-{number:05}",
        kind=kind,
        given=given,
        surname=surname,
        born=f"{rng.randint(1940, 2006)}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}",
        postcode=f"ZZ{rng.randint(1, 99)} {rng.randint(1, 9)}{''.join(rng.choices('ABDEFGHJLN', k=2))}",
        emails=[f"{plain}.{number}@{rng.choice(DOMAINS)}"],
        phone=f"+44{7_700_900_000 + number}",
        cookies=[f"{rng.getrandbits(64):016x}" for _ in range(rng.choices([1, 2, 3], [50, 35, 15])[0])],
    )
    if kind == "anonymous":
        return person
    if chance(rng, 0.1):
        person.emails.append(f"{plain}.{number}@work.example.com")
    if kind == "member":
        person.login = f"user-{number:05}"
    if kind == "store" or (kind == "member" and chance(rng, 0.4)):
        # One in twenty lost a card.
        person.loyalty = tuple(f"L{number:06}{card}" for card in range(1 + chance(rng, 0.05)))
    if kind == "store" or chance(rng, 0.4):
        # One in fifty is in the CRM twice.
        person.crm = tuple(f"C{number:06}{entry}" for entry in range(1 + chance(rng, 0.02)))
    return person


def _move_in(family: list[Person], number: int) -> None:
    """One surname, one address, one landline, and one tablet, on which only members shop."""
    for person in family:
        person.surname, person.postcode = family[0].surname, family[0].postcode
        person.shared_phone = f"+44{1_632_960_000 + number}"
        if person.kind == "member":
            person.shared_cookie = f"tablet-{number:05}"


def spell_email(rng: Random, email: str) -> str:
    """An address as people type it: capitals, stray spaces."""
    return rng.choice([email, email, email.upper(), email.title(), f" {email} "])


def spell_phone(rng: Random, phone: str) -> str:
    """A British number in one of the ways to write it."""
    area, rest = phone[3:7], phone[7:]
    return rng.choice(
        [f"+44 {area} {rest}", f"0{area} {rest}", f"0{area}{rest}", f"0044{area}{rest}", f"0{area}-{rest}"]
    )


def mistype(rng: Random, word: str) -> str:
    """A word with two different neighbouring letters swapped, one left out, or one doubled."""
    pairs = enumerate(pairwise(word))
    at, (a, b) = rng.choice([(at, (a, b)) for at, (a, b) in pairs if a != b and (a + b).isalpha()])
    return word[:at] + rng.choice([b + a, b, a + a + b]) + word[at + 2 :]
