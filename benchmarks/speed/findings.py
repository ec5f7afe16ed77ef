"""What the rounds found: the median of each figure, and the ratios that follow."""

import os
import platform
from collections import defaultdict
from collections.abc import Callable, Mapping
from statistics import median
from typing import NamedTuple

from benchmarks.report import Figure, Report
from benchmarks.speed.errors import Broken, LeftOut

Progress = Callable[[str], None]


class Ratio(NamedTuple):
    """One figure over the greatest of others; `part` is what finds those that are not the worker's."""

    part: str
    of: str
    over: tuple[str, ...]


_RATE = "worker_events_per_second"

RATIOS: Mapping[str, Ratio] = {
    "vs_faust_noop": Ratio(
        "faust", _RATE, ("faust_noop_events_per_second", "faust_noop_uvloop_events_per_second")
    ),
    "vs_decode_only": Ratio("decode", _RATE, ("decode_only_events_per_second",)),
    "vs_postgres": Ratio("postgres", _RATE, ("postgres_events_per_second",)),
    "two_workers": Ratio(
        "two_workers",
        "two_workers_events_per_second",
        ("two_workers_same_stretch_by_one_events_per_second",),
    ),
    "two_workers_without_keys": Ratio(
        "unkeyed", "unkeyed_two_workers_events_per_second", ("unkeyed_same_stretch_by_one_events_per_second",)
    ),
    "p99_vs_bare": Ratio("latency", "visible_p99_seconds", ("bare_p99_seconds",)),
    "bytes_per_identifier": Ratio("check", "redis_bytes", ("identifiers",)),
    "telling_vs_plain": Ratio(
        "telling", "telling_worker_events_per_second", ("telling_plain_events_per_second",)
    ),
    "at_10m_vs_1m": Ratio(
        "growth", "growth_at_end_events_per_second", ("growth_after_usual_events_per_second",)
    ),
    "tenfold_customers": Ratio(
        "growth", "growth_last_fifth_events_per_second", ("worker_last_fifth_events_per_second",)
    ),
}


class Findings:
    """Figures by name, one value a round; and why a part has none."""

    def __init__(self, ratios: Mapping[str, Ratio] = RATIOS) -> None:
        self._ratios = ratios
        self._taken: defaultdict[str, list[Figure]] = defaultdict(list)
        self._why: dict[str, str] = {}
        self._failed = False

    def add(self, figures: Mapping[str, Figure]) -> None:
        """What one round found."""
        for name, value in figures.items():
            self._taken[name].append(value)

    def leave_out(self, part: str, why: str) -> None:
        """A part has no figures."""
        self._why[part] = why

    def fail(self, part: str, why: str) -> None:
        """A part went wrong: it has no figures, and the run as a whole is no success."""
        self._why[part] = f"it failed: {why}"
        self._failed = True

    def take(
        self, name: str, part: Callable[[], Mapping[str, Figure]], progress: Progress, *, vital: bool
    ) -> None:
        """What a part finds, or why it finds nothing. Raises Broken of a vital one."""
        try:
            self.add(part())
        except LeftOut as error:
            progress(f"{name}: left out, {error}")
            self.leave_out(name, str(error))
        except Broken as error:
            if vital:
                raise
            progress(f"{name}: failed, {error}")
            self.fail(name, str(error).splitlines()[0])

    def number(self, name: str) -> float:
        """The median so far. Raises KeyError where nothing was found."""
        return self._numbers()[name]

    def _numbers(self) -> dict[str, float]:
        return {
            name: median(value for value in values if not isinstance(value, str))
            for name, values in self._taken.items()
            if not isinstance(values[0], str)
        }

    def report(self) -> Report:
        """All of it; a ratio that cannot be made is None, with the reason."""
        report = Report(machine(), dict.fromkeys(self._ratios), failed=self._failed)
        numbers = self._numbers()
        report.figures.update({name: numbers.get(name, values[-1]) for name, values in self._taken.items()})
        for name, ratio in self._ratios.items():
            below = max((numbers[other] for other in ratio.over if other in numbers), default=0.0)
            if ratio.of in numbers and below:
                report.ratios[name] = numbers[ratio.of] / below
            else:
                why = self._why.get(ratio.part) or self._why.get("worker")
                report.why[name] = why or "it is too small for it: take a larger --scale"
        return report


def machine() -> dict[str, Figure]:
    """What it ran on."""
    return {"cores": os.cpu_count() or 1, "python": platform.python_version()}
