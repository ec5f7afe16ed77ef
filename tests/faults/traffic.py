"""Messages of which every single one leaves a trace: what is lost, is missed."""

import json

from schemas import DECISIONS, EMAIL, WEB

RULES = """
version: 1
identifiers:
  login: {rank: 1, unique: true}
  email: {rank: 2, max: 3}
  cookie: {rank: 3, max: 5}
  visit: {rank: 4, max: 5}
"""

HOUSEHOLDS = 40
PEOPLE = 6  # in a household, whose devices and addresses they share


class Traffic:
    """Much about few, so that workers collide, and a visit of its own in each event;
    between them some that are refused.

    No identifier ever drops out, so the changes that are told say where each of them is.
    """

    def __init__(self, rng):
        self._rng = rng
        self._count = 0

    def messages(self, count):
        """That many, as (topic, payload)."""
        return [self._message() for _ in range(count)]

    def _message(self):
        rng, number = self._rng, self._count
        self._count += 1
        when = f"2026-01-{1 + number // 86_400 % 28:02}T{number // 3600 % 24:02}:{number // 60 % 60:02}:00Z"
        if rng.random() < 0.01:
            return WEB, b'{"event_id": "x%d", "occurred_at": "a while ago"}' % number
        household = rng.randrange(HOUSEHOLDS)
        values = {type_: f"{household}-{rng.randrange(PEOPLE)}" for type_ in ("login", "email", "cookie")}
        if rng.random() < 0.01:
            ends = [{"type": type_, "value": values[type_]} for type_ in ("login", "cookie")]
            verdict = rng.choice(["must_link", "cannot_link", "undo"])
            decision = {"decision_id": f"d{number}", "decided_at": when, "verdict": verdict}
            return DECISIONS, json.dumps({**decision, "a": ends[0], "b": ends[1]}).encode()
        identifiers = {type_: value for type_, value in values.items() if rng.random() < 0.5}
        event = {"event_id": f"e{number}", "occurred_at": when}
        event["identifiers"] = {**identifiers, "visit": f"v{number}"}
        if rng.random() < 0.2:
            return EMAIL, json.dumps({**event, "outcome": "click"}).encode()
        return WEB, json.dumps(event).encode()
