"""Taking a call: proven, fresh and new, or nothing of it; and then all of it, or it is to come again.

1. Prove that the service sent it.         Forged otherwise
2. Translate it: events, and what is wrong in it as dead letters, with its bytes.
3. Its signed time, or that of its newest event, has to be recent.   Stale otherwise
4. Look whether it was taken before.       Then that is said, and nothing is done
5. Send all to Kafka, and wait until it is there; only then remember that the call was taken.

Killed between any two steps, the service tries again, and the same events with the same ids are sent: a
part of a call that got through is no more than a repetition.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

from schemas import DEAD_LETTERS, EMAIL, DeadLetter, EmailEvent, Malformed, encode, encode_json
from schemas.checks import MOST_AHEAD
from speed_layer.webhooks.endpoint import Endpoint
from speed_layer.webhooks.errors import Forged, Stale, TooMuch
from speed_layer.webhooks.replays import Known, Replays, call_key
from speed_layer.webhooks.service import Call, Proof

# Events in a call: SendGrid's largest of 768 kB hold less than three thousand.
MOST_EVENTS: Final = 5_000

# Microseconds by which a signed time may be ahead of our clock.
AHEAD: Final = 300_000_000

# Sends payloads to a topic, and returns once the broker has them all. Raises KafkaException.
Send = Callable[[str, Sequence[bytes]], object]

# What a dead letter has for a topic where it came by no topic, before the endpoint's name.
ORIGIN: Final = "webhooks/"


@dataclass(slots=True)
class Taken:
    """What a call came to; `repeated` is one that had been taken before."""

    events: list[EmailEvent] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)
    ignored: int = 0
    repeated: bool = False

    @property
    def outcomes(self) -> Counter[str]:
        """How often there is each."""
        return Counter(event.outcome for event in self.events)


class Receiver:
    """Takes calls. Every method may be called by several threads at once."""

    def __init__(self, replays: Replays, send: Send) -> None:
        self._replays = replays
        self._send = send

    def take(self, endpoint: Endpoint, call: Call) -> Taken:
        """Raises Refused; and KafkaException, RedisError or Unavailable where the call is to come again."""
        proof = endpoint.service.proof(call)
        taken = translate(endpoint, call)
        _check_age(endpoint, proof, taken, call.at)
        key = call_key(endpoint.tenant, endpoint.name, proof.once)
        # From the moment that a time is signed until it is too old, whichever clock is ahead.
        keep = endpoint.max_age + (AHEAD if proof.at is not None else MOST_AHEAD)
        match self._replays.begin(key, proof.unsigned, keep):
            case Known.ANOTHER:
                raise Forged("what is signed was used before, for another event")
            case Known.TAKEN:
                return Taken(repeated=True)
        endpoint.service.settle(call)
        if taken.letters:
            self._send(DEAD_LETTERS, [encode(letter) for letter in taken.letters])
        if taken.events:
            self._send(EMAIL, [encode_json(event) for event in taken.events])
        self._replays.taken(key, proof.unsigned, keep)
        return taken


def translate(endpoint: Endpoint, call: Call) -> Taken:
    """What a proven call tells. Raises TooMuch."""
    try:
        parts = endpoint.service.parts(call)
    except Malformed as error:
        return Taken(letters=[_letter(endpoint, call.body, call.at, error)])
    if len(parts) > MOST_EVENTS:
        raise TooMuch(f"{len(parts)} events in a call, at most {MOST_EVENTS} are taken: send several calls")
    taken = Taken()
    for part in parts:
        try:
            events = endpoint.events(part, call.at)
        except Malformed as error:
            taken.letters.append(_letter(endpoint, part, call.at, error))
            continue
        taken.events += events
        taken.ignored += not events
    return taken


def _check_age(endpoint: Endpoint, proof: Proof, taken: Taken, now: int) -> None:
    at = proof.at
    if at is None:
        # Nothing to be believed, nothing to be too old. Times ahead of ours were refused with their events.
        at = max((event.occurred_at for event in taken.events), default=now)
    elif at > now + AHEAD:
        raise Stale("the call is signed for the future: one of the two clocks is wrong")
    if at < now - endpoint.max_age:
        raise Stale("the call is older than this endpoint's max_age")


def _letter(endpoint: Endpoint, value: bytes, at: int, error: Malformed) -> DeadLetter:
    """A dead letter of what lay in no log: the same bytes have the same place, however often they come."""
    place = int.from_bytes(blake2b(value, digest_size=8).digest()) >> 1
    return DeadLetter(
        topic=ORIGIN + endpoint.name,
        partition=-1,
        offset=place,
        ingested_at=at,
        value=value,
        reason=error.reason,
    )
