"""A shop's two months, told event by event, with the truth about who was who.

The visitors browse, register, log in, read newsletters and buy; in the middle the CRM is exported. As
in life, devices, mailboxes and phones are shared, people mistype, systems write `undefined`, and events
arrive late or twice. The same seed tells the same story.
"""

from functools import partial
from pathlib import Path
from random import Random
from typing import Final

from deploy.demo.narrator import DAY, DAYS, HOUR, PLACEHOLDER, Message, Narrator, Story, Written
from deploy.demo.people import Person, cast, chance, mistype, spell_email, spell_phone

__all__ = ["RULES", "Message", "Story", "tell"]

RULES: Final = Path(__file__).with_name("rules.yaml")

# The share of addresses and surnames that are mistyped, of page views and forms with junk in a field,
# of newsletters clicked by a friend they were forwarded to, of CRM records with a made-up person.
MISTYPED: Final = 0.02
JUNK: Final = 0.02
FORWARDED: Final = 0.01
MADE_UP: Final = 0.03

JUNK_VALUES: Final = {
    "login": ("null", "undefined"),
    "email": ("test@test.com", "n/a"),
    "phone": ("0000000", "[object Object]"),
}
PAGES: Final = ("/", "/sale", "/shoes", "/coats", "/kitchen", "/books", "/delivery")
CAMPAIGN_DAYS: Final = (8, 19, 30, 41, 52)
CRM_DAY: Final = 30


def tell(seed: int = 7, people: int = 2_000) -> Story:
    """The story of so many people, about fourteen events for each."""
    rng = Random(seed)  # noqa: S311 - a story, no secret
    return _Tale(rng, cast(rng, people)).tell()


class _Tale:
    """What the people do, one after the other; the narrator puts it into the order of time."""

    def __init__(self, rng: Random, people: list[Person]) -> None:
        self._rng = rng
        self._people = people
        self._narrator = Narrator(
            rng, {identifier: person.name for person in people for identifier in person.identifiers}
        )
        self._chance = partial(chance, rng)

    def tell(self) -> Story:
        for person in self._people:
            if person.kind == "store":
                self._till(person)
            else:
                self._visits(person)
        self._crm_export()
        return self._narrator.story()

    def _visits(self, person: Person) -> None:
        """The first visit ends with a registration or a guest's order; the newsletter comes from then on."""
        starts = sorted(self._rng.uniform(0, DAYS * DAY - HOUR) for _ in range(self._rng.randint(2, 5)))
        for start in starts:
            device, at = self._browse(person, start)
            if person.kind == "member":
                self._member(person, device, at, is_new=start == starts[0])
            elif person.kind == "guest" and (start == starts[0] or self._chance(0.7)):
                self._narrator.web(
                    person, at, "purchase", device, *self._contact(person), details=self._details(person)
                )
        if person.kind != "anonymous" and self._chance(0.7):
            self._newsletters(person, since=starts[0] + HOUR)

    def _browse(self, person: Person, at: float) -> tuple[Written, float]:
        """Look at some pages: on which device, and until when."""
        device = self._device(person)
        for _ in range(self._rng.randint(1, 3)):
            junk = (self._junk("login"),) if self._chance(JUNK) else ()
            self._narrator.web(person, at, "page_view", device, *junk, page=self._rng.choice(PAGES))
            at += self._rng.uniform(5, 300)
        return device, at

    def _member(self, person: Person, device: Written, at: float, *, is_new: bool) -> None:
        login = _exact("login", person.login)
        if is_new:
            details = self._details(person)
            self._narrator.web(person, at, "register", login, device, *self._contact(person), details=details)
        elif self._chance(0.8):
            self._narrator.web(person, at, "login", login, device)
            if self._chance(0.4):
                card = [_exact("loyalty", card) for card in person.loyalty[-1:]]
                self._narrator.web(person, at + 120, "purchase", login, device, *card)
        elif self._chance(0.3):
            self._narrator.web(person, at, "form", device, *self._contact(person), page="/contact")

    def _newsletters(self, person: Person, since: float) -> None:
        address = Written("email", person.emails[0], person.emails[0])
        for number, day in enumerate(CAMPAIGN_DAYS):
            at, campaign, message = day * DAY + 9 * HOUR, f"news-{number}", f"{person.name}-{number}"
            if at < since:
                continue
            self._narrator.mail(person, at, "sent", campaign, message, address)
            if self._chance(0.5):
                at += self._rng.uniform(60, 2 * DAY)
                self._narrator.mail(person, at, "open", campaign, message, address)
                if self._chance(0.35):
                    reader = self._rng.choice(self._people) if self._chance(FORWARDED) else person
                    device = self._device(reader)
                    self._narrator.mail(reader, at + 20, "click", campaign, message, address, device)
                    self._narrator.web(reader, at + 22, "page_view", device, page="/sale")

    def _till(self, person: Person) -> None:
        for _ in range(self._rng.randint(2, 4)):
            card = _exact("loyalty", self._rng.choice(person.loyalty))
            receipt = [self._email(person)] if self._chance(0.5) else []
            at = self._rng.uniform(0, DAYS * DAY)
            self._narrator.web(person, at, "purchase", card, *receipt, site="till")

    def _crm_export(self) -> None:
        """In one go, at night. A record may have addresses, a number, both or neither."""
        at = CRM_DAY * DAY + 2 * HOUR
        for person in self._people:
            for number in person.crm:
                at += 0.5
                known = [self._address(email) for email in person.emails] if self._chance(0.6) else []
                known += [self._phone(person)] if self._chance(0.4) else []
                details = PLACEHOLDER if self._chance(MADE_UP) else self._details(person)
                crm = _exact("crm", number)
                self._narrator.web(person, at, "crm_record", crm, *known, site="crm", details=details)

    def _device(self, person: Person) -> Written:
        if person.shared_cookie and self._chance(0.3):
            return Written("cookie", person.shared_cookie, person.shared_cookie, shared=True)
        return _exact("cookie", self._rng.choice(person.cookies))

    def _contact(self, person: Person) -> list[Written]:
        """What a person fills into a form: an address and, half of them, a number."""
        email = self._junk("email") if self._chance(JUNK) else self._email(person)
        if self._chance(0.5):
            return [email]
        return [email, self._junk("phone") if self._chance(JUNK) else self._phone(person)]

    def _email(self, person: Person) -> Written:
        if person.shared_email and self._chance(0.5):
            return Written("email", person.shared_email, person.shared_email, shared=True)
        return self._address(self._rng.choice(person.emails))

    def _address(self, address: str) -> Written:
        if self._chance(MISTYPED):
            local, _, domain = address.partition("@")
            address = f"{mistype(self._rng, local)}@{domain}"
        return Written("email", address, spell_email(self._rng, address))

    def _phone(self, person: Person) -> Written:
        if person.shared_phone and self._chance(0.3):
            number = person.shared_phone
            return Written("phone", number, spell_phone(self._rng, number), shared=True)
        return Written("phone", person.phone, spell_phone(self._rng, person.phone))

    def _details(self, person: Person) -> dict[str, str] | None:
        """Most give their name, date of birth and postcode; some mistype the name."""
        if not self._chance(0.85):
            return None
        surname = mistype(self._rng, person.surname) if self._chance(MISTYPED) else person.surname
        return {**person.details, "name.surname": surname}

    def _junk(self, type_: str) -> Written:
        value = self._rng.choice(JUNK_VALUES[type_])
        return Written(type_, value, value, shared=True)


def _exact(type_: str, value: str) -> Written:
    """An identifier that machines write: never misspelt."""
    return Written(type_, value, value)
