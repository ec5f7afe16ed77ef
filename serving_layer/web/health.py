"""GET /v1/health: how the stream and the batch do, in figures that can be drawn. Nobody is in them."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from serving_layer.answers import freshness_json, time_json
from serving_layer.desk import Desk
from serving_layer.web.message import Request, Response, json

Ends = Callable[[], Awaitable[Mapping[str, int] | None]]
"""Where the log ends: the next offset of each `topic:partition`; None where Kafka does not say."""

# Of a run's report what may be told to whoever may read: figures of all tenants together. Its largest
# customers may be another tenant's.
_FIGURES: Final = (
    "generation",
    "messages",
    "records",
    "rejects",
    "refused_links",
    "phases",
    "movement",
    "parity",
    "past",
)
_GRAPH: Final = ("customers", "components", "quarantined", "refused", "certainty")


class Health:
    """The routes' handlers."""

    def __init__(self, desk: Desk, ends: Ends, clock: Callable[[], int] = time.time_ns) -> None:
        self._desk = desk
        self._ends = ends
        self._clock = clock

    async def health(self, _: Request) -> Response:
        """The stream: what answers rest on, how far behind the log that is; the batch: its report."""
        ends = await self._ends()
        freshness = await self._desk.freshness()
        standing = self._desk.shared.generations.current
        reached = dict(freshness.offsets)
        behind = None
        if ends is not None and not freshness.stale:
            behind = sum(max(0, end - reached.get(partition, 0)) for partition, end in ends.items())
        report = standing.generation.report()
        return json(
            {
                "now": time_json(self._clock() // 1_000),
                "types": [
                    {"type": name, "rank": rank, "certainty": standing.certainties[name]}
                    for name, rank in sorted(standing.ranks.items(), key=lambda each: each[1])
                ],
                "stream": {**freshness_json(freshness), "behind": behind},
                "batch": {
                    "generation": standing.number,
                    "as_of": _moment(standing.generation.manifest.as_of),
                    "report": None if report is None else _figures(report),
                },
            }
        )


def _figures(report: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: report[name] for name in _FIGURES if name in report}
    found["at"] = _moment(report.get("at"))
    return found | {name: report.get("health", {}).get(name, []) for name in _GRAPH}


def _moment(at: int | None) -> str | None:
    return None if at is None else time_json(at)
