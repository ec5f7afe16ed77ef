"""Clients of the HTTP API, one that blocks and one for an event loop. They need httpx and msgspec alone.

from serving_layer.client import Client

with Client("https://ucid.example", key=SECRET) as ucid:
    found = ucid.lookup_one("email", "ann@example.com")
    print(found and found.customer_id)
"""

from serving_layer.client.aio import AsyncClient
from serving_layer.client.errors import (
    NotAllowed,
    NotUnderstood,
    Rejected,
    StartAgain,
    TooMany,
    UcidError,
    Unavailable,
    Unknown,
    Unreachable,
    WrongRequest,
)
from serving_layer.client.patience import Patience
from serving_layer.client.sync import Client

__all__ = [
    "AsyncClient",
    "Client",
    "NotAllowed",
    "NotUnderstood",
    "Patience",
    "Rejected",
    "StartAgain",
    "TooMany",
    "UcidError",
    "Unavailable",
    "Unknown",
    "Unreachable",
    "WrongRequest",
]
