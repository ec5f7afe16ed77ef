"""`ucid bench speed`: from Kafka until visible in Redis, with all its peers in one run.

Everything runs on servers of its own, in a directory that is gone afterwards.
"""

from collections.abc import Mapping
from typing import Final

# Named here, without anything that a client of a server would have to be there for.
PARTS: Final[Mapping[str, str]] = {
    "worker": "one worker: how fast the log becomes visible",
    "check": "is what is visible what identity.resolve makes of the log?",
    "decode": "peer: a consumer that only decodes",
    "faust": "peer: a Faust agent that does nothing",
    "postgres": "peer: one PostgreSQL transaction per event",
    "graph": "peer: a graph in Redis without any rules",
    "two_workers": "two workers on the same log",
    "latency": "from sent to visible at half of one worker's rate",
    "unkeyed": "one worker, and two, on the same events without keys",
    "avro": "what Avro costs",
    "telling": "what profiles, permissions and segments cost",
    "growth": "ten times as many events",
}
FULL_ONLY: Final = frozenset({"growth"})  # takes many minutes
