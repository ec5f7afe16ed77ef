"""GET /v1/customers/{customer_id}/outcomes and /v1/campaigns: what became of e-mails, by the last batch."""

import asyncio
from typing import Any

from schemas.outcomes import CAMPAIGN, decode_campaign
from schemas.records import tenant_prefix
from serving_layer.answers import freshness_json
from serving_layer.campaigns import campaign_json, campaigns_json
from serving_layer.desk import Desk
from serving_layer.errors import Refused
from serving_layer.generations import Standing
from serving_layer.web.message import Request, Response, json


class Outcomes:
    """The routes' handlers."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def customer(self, request: Request) -> Response:
        """Of a customer, and of those that became part of it; as unknown (404) as the customer itself."""
        asked, who = request.params["customer_id"], request.who
        found, freshness = await self._desk.customer(who, asked)
        if found is None or found.customer is None:
            raise Refused(404, "no customer has or had this id", "unknown")
        customer_id, _, aliases = found.customer
        standing = self._desk.shared.generations.current
        told = campaigns_json(standing.generation, who.tenant, (customer_id, *aliases))
        named = {"customer_id": customer_id, "asked": asked, "moved": asked != customer_id}
        return json({**named, "campaigns": told, **freshness_json(freshness)})

    async def campaigns(self, request: Request) -> Response:
        """Of all campaigns of a tenant."""
        standing, tenant = self._desk.shared.generations.current, request.who.tenant
        told = await asyncio.to_thread(_campaigns, standing, tenant)
        return json({"campaigns": told, "generation": standing.number})


def _campaigns(standing: Standing, tenant: str) -> list[dict[str, Any]]:
    found = standing.generation.scan(tenant_prefix(CAMPAIGN, tenant))
    return [
        campaign_json(campaign, counts)
        for campaign, counts in sorted(decode_campaign(data) for _, data in found)
    ]
