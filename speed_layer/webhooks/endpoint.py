"""One endpoint: whose calls it takes, and how their parts become events of ours."""

from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import parse_qsl, urlsplit

import msgspec

from schemas import EMAIL, EmailEvent, Identifier, decode, encode_json
from schemas.checks import MAX_ID
from speed_layer.webhooks.part import Part
from speed_layer.webhooks.service import Service, Told

# Parameters in a link that somebody clicked.
_MOST_PARAMETERS = 100


@dataclass(frozen=True, slots=True)
class Cookie:
    """The parameter of a clicked link that carries a cookie, and the type of identifier that this is."""

    parameter: str
    type: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An entry of webhooks.yaml.

    `kind` is the service's name there, `address` the identifier type of e-mail addresses, `campaign` the
    path at which events name their campaign, where it is not the service's usual one. `max_age` is in
    microseconds.
    """

    name: str
    kind: str
    service: Service
    tenant: str
    max_age: int
    address: str = "email"
    cookie: Cookie | None = None
    campaign: str | None = None

    def events(self, raw: bytes, at: int) -> list[EmailEvent]:
        """What one part of a call tells, taken in `at` (microseconds); nothing where it is of no interest.

        The same part gives the same events with the same ids, however often it comes. Raises Malformed.
        """
        part = self.service.part(raw)
        events = [self._event(told, part) for told in self.service.told(part)]
        for event in events:
            decode(EMAIL, encode_json(event), at)  # as readers of the topic will
        return events

    def _event(self, told: Told, part: Part) -> EmailEvent:
        identifiers = {self.address: [told.email]}
        if told.outcome == "click" and (cookie := self._cookie(told.url)):
            identifiers.setdefault(cookie.type, []).append(cookie.value)
        return EmailEvent(
            event_id=self._event_id(told),
            tenant=self.tenant,
            occurred_at=told.at,
            message_id=told.message_id,
            campaign_id=part.text(self.campaign, "") if self.campaign else told.campaign_id,
            outcome=told.outcome,
            identifiers=identifiers,
        )

    def _cookie(self, url: str) -> Identifier | None:
        if self.cookie is None:
            return None
        try:
            parameters = parse_qsl(urlsplit(url).query, max_num_fields=_MOST_PARAMETERS)
        except ValueError:
            return None  # the click is one all the same
        values = {value for name, value in parameters if name == self.cookie.parameter}
        return Identifier(self.cookie.type, values.pop()) if len(values) == 1 else None

    def _event_id(self, told: Told) -> str:
        """The service's own id for the event; where it has none, what tells this event from all others."""
        found = f"{self.kind}:{told.id}"
        if told.id and len(found) <= MAX_ID:
            return found
        return f"{self.kind}:{digest(told)}"


def digest(told: Told) -> str:
    """Hexadecimal digits that stand for what was told; the campaign is a name that may change."""
    return blake2b(msgspec.json.encode(told._replace(campaign_id="")), digest_size=16).hexdigest()
