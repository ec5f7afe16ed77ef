"""What became of a customer's e-mails, campaign by campaign, by the last batch."""

from collections.abc import Iterable
from typing import Any

from schemas.generation import Generation
from schemas.outcomes import Counts, added, customer_key, decode_campaigns


def campaigns_json(generation: Generation, tenant: str, ids: Iterable[str]) -> list[dict[str, Any]]:
    """Of those with these customer ids, who are one now, by campaign."""
    found = generation.get([customer_key(tenant, id_) for id_ in ids])
    counted = added(campaign for record in found.values() for campaign in decode_campaigns(record))
    return [campaign_json(campaign, counts) for campaign, counts in sorted(counted.items())]


def campaign_json(campaign: str, counts: Counts) -> dict[str, Any]:
    """As the tables have it: what is not counted is 0, so left out."""
    return {"campaign_id": campaign, **counts}
