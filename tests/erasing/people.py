"""People whom every store knows, each by values that are random and nobody else's."""

import json
import secrets
import time

from batch_layer.sources import definition
from batch_layer.sources.importing import Importer
from schemas import CONSENTS, DECISIONS, EMAIL, WEB
from schemas.striking import rewritten
from tests.erasing.needles import Needles

RULES = """
version: 1
identifiers:
  login:  {rank: 1, unique: true}
  crm:    {rank: 2, max: 3}
  email:  {rank: 3, normalise: email, max: 5}
  cookie: {rank: 9, max: 20, hot: 20}
match_keys:
  person: {rank: 8, from: [surname, born]}
profile:
  surname: {}
  town: {}
"""

SOURCE = """
source: crm
format: csv
export: increment
record_id: id
changed_at: at
identifiers: {crm: id, email: email}
attributes: {surname: surname, born: born, town: town}
columns: {born: {type: date, format: yyyy-MM-dd, when_wrong: reject}}
stop_when: {rejected: 100%}
"""
NOW = "2026-01-01T00:00:00Z"
COLUMNS = ("id", "at", "email", "surname", "born", "town")


def line(content):
    return json.dumps(content).encode()


def event(identifiers, **more):
    return line({"event_id": secrets.token_hex(4), "occurred_at": NOW, "identifiers": identifiers, **more})


class Person:
    """One of them: `tokens` are what each value is made of."""

    def __init__(self):
        self.login, self.mail, self.cookie, self.card, self.surname, self.town, self.page = self.tokens = [
            secrets.token_hex(10) for _ in range(7)
        ]
        self.email = f"{self.mail}@Example.org"
        self.identifiers = [
            ("login", self.login),
            ("email", self.email.lower()),
            ("cookie", self.cookie),
            ("crm", self.card),
        ]

    def messages(self):
        """What the log says of this person: pairs of topic and payload."""
        said = {"surname": self.surname, "born": "1980-01-01", "town": self.town}
        login, email = {"login": self.login}, {"email": self.email}
        yield WEB, event({**login, **email, "cookie": self.cookie}, properties=said, page=f"/{self.page}")
        yield WEB, event({"email": self.email.upper()}, consent={"adverts": True})
        yield WEB, event({**login, "cookie": "kiosk"})  # a cookie that all share
        yield WEB, f'{{"who": "{self.email}"'.encode()  # a dead letter
        yield EMAIL, event(email, outcome="click", campaign_id="spring")
        consent = {"consent_id": secrets.token_hex(4), "stated_at": NOW, "status": "granted"}
        yield CONSENTS, line(consent | {"identifiers": email, "purpose": "profiling", "proof": self.page})
        ends = {"a": {"type": "login", "value": self.login}, "b": {"type": "email", "value": self.email}}
        decision = {"decision_id": secrets.token_hex(4), "decided_at": NOW, "verdict": "must_link"}
        yield DECISIONS, line(decision | ends | {"why": f"is {self.surname}"})

    def record(self, at=NOW):
        """What a slow source says."""
        return (self.card, at, self.email, self.surname, "1980-01-01", self.town)


def struck(topic, value, at, observer, erased, values):
    """What bronze says in place of a message."""
    new = rewritten(topic, value, at, observer, erased, values)
    return value if new is None else new


def needles_of(id_key, people):
    """What to look for, to find any of them."""
    needles = Needles(id_key)
    for number, person in enumerate(people):
        for token in person.tokens:
            needles.token(number, token)
        for x in person.identifiers:
            needles.identifier(number, *x)
    return needles


class SlowSource:
    """A system that exports records, and what loads them."""

    def __init__(self, spark, delta, folder):
        self._source = definition.parse(SOURCE)
        self._folder = folder
        self._importer = Importer(lambda: spark, delta, lambda: time.time_ns() // 1_000, lambda _: None)

    def load(self, rows):
        """Import these as one export; returns the report."""
        path = self._folder / f"{secrets.token_hex(4)}.csv"
        path.write_text("\n".join(",".join(row) for row in [COLUMNS, *rows]) + "\n")
        (report,) = self._importer.run(self._source, "default", [str(path)])
        path.unlink()
        return report
