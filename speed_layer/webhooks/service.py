"""What a service is to the rest: how its calls are proven, cut into parts, and what the parts tell."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, NamedTuple

from schemas import Outcome
from speed_layer.webhooks.given import Given
from speed_layer.webhooks.part import Part

HOUR: Final = 3_600_000_000  # microseconds, as all times here


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it came. Headers are named in small letters; `at` is when, in microseconds."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    at: int

    def header(self, name: str) -> bytes:
        """A header's bytes; none where it was not sent."""
        return self.headers.get(name.lower(), "").encode("latin-1", "replace")


class Proof(NamedTuple):
    """What a genuine call has proven.

    `once` is what was signed, or the part of it that no two calls share. `at` is the signed time; None where
    none is signed, so that only the events can say how old the call is. `unsigned` is what the signature
    does not cover although it is believed: it must be the same when the call comes again.
    """

    once: bytes
    at: int | None = None
    unsigned: bytes = b""


class Told(NamedTuple):
    """What became of one message. `id` is the service's own for the event, `url` what was clicked."""

    outcome: Outcome
    email: str
    at: int
    message_id: str = ""
    campaign_id: str = ""
    id: str = ""
    url: str = ""


class Service(ABC):
    """One e-mail service, by what one endpoint was given for it."""

    KEYS: ClassVar[tuple[str, ...]] = ("secret",)
    """Its own keys in webhooks.yaml."""

    MAX_AGE: ClassVar[int]
    """For how long the service tries to deliver a call, hence how old one may be."""

    @abstractmethod
    def __init__(self, given: Given) -> None:
        """What cannot be used is noted in `given`."""

    @abstractmethod
    def proof(self, call: Call) -> Proof:
        """Raise Forged where nothing shows that the call comes from the service."""

    def parts(self, call: Call) -> Sequence[bytes]:
        """The events of a proven call, each as it came. Raises Malformed."""
        return [call.body]

    def part(self, raw: bytes) -> Part:
        """One of the `parts`, read. Raises Malformed."""
        return Part(raw)

    @abstractmethod
    def told(self, part: Part) -> Iterable[Told]:
        """What one part tells: nothing, where it is of a kind that we do not keep. Raises Malformed."""

    def settle(self, call: Call) -> None:  # noqa: B027 - most ask for nothing
        """Do what a proven call asks for besides taking its events. Raises Unavailable."""
