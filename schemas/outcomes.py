r"""What became of e-mails, in a generation: by customer, and by campaign.

    o<tenant>\0<hash>   MessagePack [[campaign, {count: number}], …] of a customer, by the hash of its id
    m<tenant>\0<hash>   MessagePack [campaign, {count: number}], by the hash of the campaign's id

Counts are named as the columns of gold/campaign_customers and gold/campaigns; those that are 0 are left out.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from schemas.records import tenant_prefix, text_digest

CAMPAIGN: Final = b"m"  # the kind of a campaign's key

Counts = dict[str, int]
Campaign = tuple[str, Counts]

encode = msgspec.msgpack.Encoder().encode
decode_campaign = msgspec.msgpack.Decoder(Campaign).decode
decode_campaigns = msgspec.msgpack.Decoder(list[Campaign]).decode


def customer_key(tenant: str, customer_id: str) -> bytes:
    """The key of what became of a customer's e-mails."""
    return tenant_prefix(b"o", tenant) + text_digest(customer_id)


def campaign_key(tenant: str, campaign_id: str) -> bytes:
    """The key of what became of a campaign's e-mails."""
    return tenant_prefix(CAMPAIGN, tenant) + text_digest(campaign_id)


def added(several: Iterable[Campaign]) -> dict[str, Counts]:
    """Counts by campaign, of several customers who are one now."""
    found: dict[str, Counts] = {}
    for campaign, counts in several:
        known = found.setdefault(campaign, {})
        for name, count in counts.items():
            known[name] = known.get(name, 0) + count
    return found
