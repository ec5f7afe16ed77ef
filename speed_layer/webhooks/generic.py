"""Any other service that sends JSON and signs time and body with HMAC-SHA256, by a mapping."""

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from cryptography.hazmat.primitives.hashes import SHA256

from schemas import Outcome
from speed_layer.webhooks.given import Given
from speed_layer.webhooks.part import Part, objects
from speed_layer.webhooks.service import HOUR, Call, Proof, Service, Told
from speed_layer.webhooks.signing import check_hmac, from_base64, from_hex, seconds

_OUTCOMES = get_args(Outcome)
_FIELDS = ("kind", "email", "time", "id", "message", "campaign", "url")
_NEEDED = ("kind", "email", "time")
_SIGNATURE = ("header", "timestamp", "encoding")


class Generic(Service):
    """`fields` says where things stand in an event, `outcomes` what its kinds mean."""

    KEYS = ("secret", "signature", "events", "fields", "outcomes")
    MAX_AGE = HOUR

    def __init__(self, given: Given) -> None:
        """See `Service`."""
        self._key = given.secret()
        signature = given.mapping("signature", _SIGNATURE)
        self._header = str(signature.get("header", "X-Signature"))
        self._timestamp = str(signature.get("timestamp", "X-Timestamp"))
        encoding = signature.get("encoding", "hex")
        given.problems.one_of(f"{given.path}.signature.encoding", encoding, ("hex", "base64"))
        self._decode = from_base64 if encoding == "base64" else from_hex
        self._events = given.text("events", "data.events", "")
        self._fields = {name: str(path) for name, path in given.mapping("fields", _FIELDS).items()}
        for name in _NEEDED:
            if name not in self._fields:
                given.wrong(f"fields.{name}", f"is missing: write where an event has it, such as {name}")
        self._outcomes: dict[str, Any] = dict(given.mapping("outcomes"))
        for kind, outcome in self._outcomes.items():
            given.problems.one_of(f"{given.path}.outcomes.{kind}", outcome, _OUTCOMES)
        if not self._outcomes:
            given.wrong("outcomes", "name at least one, such as 'EmailClicked: click' (kind: outcome)")

    def proof(self, call: Call) -> Proof:
        """See `Service`."""
        time = call.header(self._timestamp)
        signature = self._decode(call.header(self._header).removeprefix(b"sha256="))
        check_hmac(self._key, SHA256(), time + call.body, signature)
        return Proof(time + call.body, seconds(time))

    def parts(self, call: Call) -> Sequence[bytes]:
        """See `Service`."""
        return objects(call.body, self._events)

    def told(self, part: Part) -> Iterator[Told]:
        """See `Service`."""
        at = self._fields
        outcome = self._outcomes.get(part.text(at["kind"]))
        if outcome:
            optional = (part.text(at[x], "") if x in at else "" for x in ("message", "campaign", "id", "url"))
            yield Told(outcome, part.address(at["email"]), part.time(at["time"]), *optional)
