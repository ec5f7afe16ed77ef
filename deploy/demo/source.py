"""What the demo feeds: the shop's story, or a file of the visitor's own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.beginning import STARTER_RULES
from deploy.demo.story import RULES, tell
from deploy.files import opened
from identity import Observer, Rules, rulefile
from schemas import WEB, Malformed, WrongLine, decode


@dataclass(frozen=True)
class Source:
    """Messages in the order in which they are sent, by topic; and who owns what, where that is known.

    `visitor` says whether one more comes at the end, whom the rules have to have a word for.
    """

    rules: Path
    messages: list[tuple[str, bytes]]
    truth: Mapping[tuple[str, str], str]
    visitor: bool = False


def shop() -> Source:
    """The story of a shop, with the truth about its visitors."""
    story = tell()
    messages = [(message.topic, json.dumps(message.event).encode()) for message in story.messages]
    return Source(RULES, messages, story.truth, visitor=True)


def file(events: str, rules: Path | None, now: int) -> Source:
    """A file of events, one a line, at the time `now` (microseconds).

    A line without `identifiers` is taken as an observation: those of its fields that the rules name are
    its identifiers, and the field `person`, where there is one, is the truth. Raises WrongLine.
    """
    path = rules or STARTER_RULES
    loaded = rulefile.load(path)
    observer = Observer(loaded)
    messages = []
    owners: dict[tuple[str, str], set[str]] = {}
    with opened(events) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            event, person = _event(line, number, loaded)
            payload = json.dumps(event).encode()
            try:
                decode(WEB, payload, now)
            except Malformed as error:
                raise WrongLine(number, error.reason) from None
            messages.append((WEB, payload))
            if person is not None:
                for type_, value in event["identifiers"].items():
                    identifier, _ = observer.identify(type_, value)
                    owners.setdefault(identifier, set()).add(person)
    # What several people were seen with belongs to none of them.
    truth = {identifier: people.pop() for identifier, people in owners.items() if len(people) == 1}
    return Source(path, messages, truth)


def _event(line: bytes, number: int, rules: Rules) -> tuple[dict[str, Any], str | None]:
    try:
        event = json.loads(line)
    except ValueError as error:
        raise WrongLine(number, f"is not JSON: {error}") from None
    if not isinstance(event, dict):
        raise WrongLine(number, "expected an object")
    if "identifiers" in event:
        return event, None
    found = {name: event[name] for name in rules.types if isinstance(event.get(name), str)}
    observation = {
        "event_id": event.get("event_id"),
        "occurred_at": event.get("occurred_at"),
        "identifiers": found,
    }
    person = event.get("person")
    return observation, person if isinstance(person, str) else None
