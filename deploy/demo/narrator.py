"""The narrator: takes down who did what, as the events that a shop's systems would send.

Here, not in the tale, is what goes wrong under way: events come late or twice. The narrator also
remembers whose each identifier really is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final, NamedTuple

from deploy.demo.people import Person, chance
from identity.normalise import text
from schemas.topics import EMAIL, WEB

DAYS: Final = 60
END: Final = datetime(2026, 9, 30, tzinfo=UTC)
START: Final = END - timedelta(days=DAYS)
HOUR: Final = 3_600.0
DAY: Final = 24 * HOUR

# The share of events that are sent up to three days late, and that are sent a second time.
LATE: Final = 0.02
REPEATED: Final = 0.01

# What a till writes where the customer would not say.
PLACEHOLDER: Final = {
    "name.surname": "Customer",
    "date_of_birth": "1900-01-01",
    "address.postcode": "ZZ1 1ZZ",
}


class Message(NamedTuple):
    """One event on its way: its topic, the event as JSON, and the person who really caused it."""

    topic: str
    event: dict[str, Any]
    truth: str


@dataclass(frozen=True)
class Story:
    """Messages in the order in which they are sent, and who owns each identifier that they carry.

    `truth` maps (type, normal value) to a person. What many use and what stands for nobody is not in it.
    """

    messages: list[Message]
    truth: Mapping[tuple[str, str], str]

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events alone, in the order in which they are sent."""
        return [message.event for message in self.messages]


class Written(NamedTuple):
    """An identifier: its normal form, how somebody wrote it down, and whether it is nobody's own."""

    type: str
    normal: str
    raw: str
    shared: bool = False


@dataclass
class Narrator:
    """Takes down events; `owners` knows whose the identifiers are that people were born with, so to say.

    Moments are seconds since START. Any other identifier, such as a mistyped address, is its first user's.
    """

    rng: Random
    owners: dict[tuple[str, str], str]
    _truth: dict[tuple[str, str], str] = field(default_factory=dict)
    _sent: list[tuple[float, int, Message]] = field(default_factory=list)

    def web(
        self,
        who: Person,
        at: float,
        kind: str,
        *written: Written,
        site: str = "shop",
        page: str = "",
        details: Mapping[str, str] | None = None,
    ) -> None:
        """Something done on the website, at the till, or by the CRM; `details` can make a match key."""
        event = {"site": site, "kind": kind, "page": page, "properties": dict(details or {})}
        if details and details is not PLACEHOLDER:
            parts = (details[name] for name in PLACEHOLDER)
            self._own(who, "person", "|".join(map(text, parts)))
        self._say(WEB, who, at, written, event)

    def mail(
        self, who: Person, at: float, outcome: str, campaign: str, message: str, *written: Written
    ) -> None:
        """What became of one newsletter."""
        event = {"message_id": message, "campaign_id": campaign, "outcome": outcome, "properties": {}}
        self._say(EMAIL, who, at, written, event)

    def story(self) -> Story:
        """All that was taken down."""
        return Story([message for _, _, message in sorted(self._sent)], self._truth)

    def _own(self, who: Person, type_: str, normal: str) -> None:
        self._truth[type_, normal] = self.owners.setdefault((type_, normal), who.name)

    def _say(
        self, topic: str, who: Person, at: float, written: tuple[Written, ...], event: dict[str, Any]
    ) -> None:
        identifiers: dict[str, str | list[str]] = {}
        for type_ in dict.fromkeys(item.type for item in written):
            values = [item.raw for item in written if item.type == type_]
            identifiers[type_] = values if len(values) > 1 else values[0]
        for item in written:
            if not item.shared:
                self._own(who, item.type, item.normal)
        number = len(self._sent)
        occurred_at = (START + timedelta(seconds=at)).isoformat(timespec="milliseconds")
        head = {"event_id": f"demo-{number:06}", "occurred_at": occurred_at.replace("+00:00", "Z")}
        message = Message(topic, {**head, "identifiers": identifiers, **event}, who.name)
        sent_at = at + self.rng.uniform(HOUR, 3 * DAY) if chance(self.rng, LATE) else at
        self._sent.append((sent_at, number, message))
        if chance(self.rng, REPEATED):
            self._sent.append((sent_at + self.rng.uniform(60, DAY), number + 1, message))
