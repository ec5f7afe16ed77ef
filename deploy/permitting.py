"""Consent at the moment of sending: what customers permit, by the serving view in this process."""

import time
from pathlib import Path

from redis import Redis

from identity.consent import permission
from schemas import Unavailable
from serving_layer.permissions import check_customers
from serving_layer.view import ServingView


class ViewPermissions:
    """What customers have consented to; see `speed_layer.triggers.seams.Permissions`."""

    def __init__(self, redis: Redis, generations: Path) -> None:
        self._redis = redis
        self._generations = generations
        self._views: dict[str, ServingView] = {}

    def may_send(self, tenant: str, customer_id: str, purpose: str, channel: str) -> bool:
        """Whether a customer permits a purpose over a channel, at this moment. Raises Unavailable."""
        view = self._views.get(tenant)
        if view is None:
            view = self._views[tenant] = ServingView(self._redis, self._generations, tenant)
        now = time.time_ns() // 1_000
        (found,), freshness = view.ask(
            check_customers(tenant, [customer_id], permission(purpose, channel), now)
        )
        if freshness.stale:
            raise Unavailable("the stream's view cannot be asked, or is being built")
        return found.status == "allowed"
