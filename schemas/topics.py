"""The topics: what each one carries, and how it is to be created."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from schemas.events import (
    Consent,
    CustomerChange,
    CustomerTrigger,
    DeadLetter,
    Decision,
    EmailEvent,
    Erasure,
    Record,
    WebEvent,
)

WEB: Final = "web.events"
EMAIL: Final = "email.events"
CONSENTS: Final = "customer.consents"
CHANGES: Final = "customer.changes"
DECISIONS: Final = "customer.decisions"
ERASURES: Final = "customer.erasures"
TRIGGERS: Final = "customer.triggers"
TRIGGERS_DUE: Final = "customer.triggers.due"
DEAD_LETTERS: Final = "dead.letters"

_MIB = 1 << 20
_DAY_MS = 86_400_000

# Erasures are kept for ever, for they hold against whatever comes back. What a later one under the same key
# has taken the place of goes within two days: a day until its segment is closed, and a day to be cleaned.
CLEANED_MS: Final = 2 * _DAY_MS
_KEPT_BY_KEY: Final = {
    "cleanup.policy": "compact",
    "segment.ms": str(CLEANED_MS // 2),
    "max.compaction.lag.ms": str(CLEANED_MS // 2),
    "min.cleanable.dirty.ratio": "0.01",
}


class Topic(Struct, frozen=True, kw_only=True):
    """One topic; `max_payload` is how many bytes a message may have to be understood."""

    name: str
    record: type[Record]
    partitions: int = 1
    max_payload: int = _MIB
    # How many bytes the broker takes. Where strangers write it is well above `max_payload`, so that what
    # is too large comes to us and is dead-lettered, rather than failing at a producer that may not look.
    max_message: int = 2 * _MIB
    settings: Mapping[str, str] = {}

    @property
    def config(self) -> Mapping[str, str]:
        """The topic's settings in the broker's terms.

        The log's append time is the ingestion time, the one clock that both layers see alike.
        """
        own = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": str(self.max_message)}
        return {**own, **self.settings}


TOPICS: Final[Mapping[str, Topic]] = {
    topic.name: topic
    for topic in (
        Topic(name=WEB, record=WebEvent, partitions=4, max_message=12 * _MIB),
        Topic(name=EMAIL, record=EmailEvent, partitions=4, max_message=12 * _MIB),
        Topic(name=CONSENTS, record=Consent, partitions=4),
        Topic(name=CHANGES, record=CustomerChange),
        Topic(name=DECISIONS, record=Decision),
        Topic(name=ERASURES, record=Erasure, settings=_KEPT_BY_KEY),
        Topic(name=TRIGGERS, record=CustomerTrigger, partitions=4),
        Topic(name=TRIGGERS_DUE, record=CustomerTrigger, partitions=4),
        # Room for the largest message of any topic, with the envelope around it.
        Topic(name=DEAD_LETTERS, record=DeadLetter, max_payload=16 * _MIB, max_message=17 * _MIB),
    )
}
