"""What a record states of permissions: the one way that the stream and the batch share.

A word counts for each identifier of its record. Of web events the `consent` map speaks, of e-mail events the
outcomes that the rules name, and a consent record says it all.
"""

from collections.abc import Mapping

from identity import Rules
from identity.consent import Claims, Statement, claim, permission
from identity.facts import FUTURE, PAST
from schemas.claims import EMAIL_SOURCE, WEB_SOURCE
from schemas.events import Absorbed, Consent, EmailEvent, WebEvent


def stated(record: Absorbed, rules: Rules, ingested_at: int) -> Claims:
    """What a record claims for its identifiers; `ingested_at` is its append time in microseconds."""
    if isinstance(record, WebEvent):
        if not record.consent:
            return {}  # as nearly all
        return of_map(record.consent, record.occurred_at, record.site, record.event_id, ingested_at)
    if isinstance(record, EmailEvent):
        return of_outcome(record.outcome, record.occurred_at, record.event_id, rules, ingested_at)
    if isinstance(record, Consent):
        return _of_consent(record, ingested_at)
    return {}


def of_map(consent: Mapping[str, bool], at: int, site: str, event_id: str, ingested_at: int) -> Claims:
    """What the map of a web event claims: permissions over all channels, of all brands and locales."""
    claims: Claims = {}
    for purpose, given in consent.items():
        # Two spellings may be one purpose: then the more restrictive holds.
        word = Statement(at, not given, source=site or WEB_SOURCE, proof=event_id, ingested_at=ingested_at)
        claim(claims, permission(purpose), word)
    return claims


def of_outcome(outcome: str, at: int, event_id: str, rules: Rules, ingested_at: int) -> Claims:
    """What an e-mail event claims by the rules."""
    claims: Claims = {}
    for rule in rules.consent.get(outcome, ()):
        word = Statement(at, rule.withdraws, source=EMAIL_SOURCE, proof=event_id, ingested_at=ingested_at)
        claim(claims, permission(rule.purpose, rule.channel), word)
    return claims


def _of_consent(record: Consent, ingested_at: int) -> Claims:
    word = Statement(
        record.stated_at,
        record.status == "withdrawn",
        PAST if record.valid_from is None else record.valid_from,
        FUTURE if record.valid_until is None else record.valid_until,
        record.source,
        record.proof or record.consent_id,
        ingested_at,
    )
    return {permission(record.purpose, record.channel, record.brand, record.locale): word}
