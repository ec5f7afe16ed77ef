"""`ucid bench serve`: lookups over HTTP, merged of generation and stream, with all peers in one run.

Everything runs on servers of its own, in a directory that is gone afterwards.
"""

from collections.abc import Mapping
from typing import Final

# Named here, without anything that a client of a server would have to be there for.
PARTS: Final[Mapping[str, str]] = {
    "check": "are the answers those that follow from the data?",
    "single": "one identifier a request, from 32 connections to one process",
    "telling": "single lookups of people with attributes, permissions and signs",
    "bulk": "lists of 1,000",
    "uniform": "lists of 1,000 in which nobody comes twice, the hard case",
    "starlette": "peer: uvicorn and Starlette doing one Redis GET",
    "redis": "peer: redis-benchmark -t get",
    "handover": "single lookups while readers move between two generations",
}
