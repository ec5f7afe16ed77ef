"""`ucid bench identity`: how fast is it decided who is who, and does it stay linear?"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median

from benchmarks.clock import median_seconds, seconds
from benchmarks.peers import union_find
from benchmarks.report import Report
from benchmarks.shapes import Sighting, facts_of, hub, path, people, rules
from identity import Facts, Minter, Observer, Resolution, Rules, resolve
from identity.memory import MemoryView

Progress = Callable[[str], None]

_MINTER = Minter(b"ucid bench")


@dataclass(frozen=True)
class Sizes:
    """How much is measured; `scale` shrinks all of it for a quick look."""

    scale: float = 1.0

    @property
    def large(self) -> int:
        """Links, or a tenth of it identifiers in one component, that the figures are about."""
        return self._of(1_000_000)

    @property
    def small(self) -> int:
        """A tenth of `large`: linear work takes a tenth of the time."""
        return self._of(100_000)

    @property
    def batch(self) -> int:
        """Events that the incremental engine takes in at a time."""
        return self._of(5_000)

    def _of(self, size: int) -> int:
        return max(round(size * self.scale), 10)


def measure(scale: float, repeat: int, progress: Progress) -> Report:
    """Everything, each time the median of `repeat` runs."""
    bench = _Bench(Sizes(scale), repeat, progress)
    bench.small_components()
    bench.one_component("path", path)
    bench.one_component("hub", hub)
    bench.upkeep()
    bench.observe()
    return bench.report


class _Bench:
    def __init__(self, sizes: Sizes, repeat: int, progress: Progress) -> None:
        self.report = Report()
        self._sizes = sizes
        self._repeat = repeat
        self._progress = progress
        self._rules: Rules = rules()

    def small_components(self) -> None:
        """Many people: the usual case, against a bare union-find."""
        small, large = self._sizes.small, self._sizes.large
        few = self._resolve("people", people(small))
        facts = facts_of(people(large))
        many = self._time(f"people: {large:,} links", lambda: self._resolved(facts))
        bare = self._time(f"union-find: {large:,} links", lambda: union_find(facts.links))
        self.report.figures.update(
            resolve_links=large,
            resolve_seconds=many,
            resolve_links_per_second=large / many,
            resolve_tenth_seconds=few,
            union_find_seconds=bare,
        )
        self.report.ratios.update(
            resolve_growth=_growth(few, small, many, large), resolve_over_union_find=many / bare
        )

    def one_component(self, name: str, shape: Callable[[int], list[Sighting]]) -> None:
        """All identifiers in one component: the worst that data can do."""
        small, large = self._sizes.small // 10, self._sizes.large // 10
        few, many = self._resolve(name, shape(small)), self._resolve(name, shape(large))
        self.report.figures.update(
            {f"{name}_identifiers": large, f"{name}_seconds": many, f"{name}_tenth_seconds": few}
        )
        self.report.ratios[f"{name}_growth"] = _growth(few, small, many, large)

    def upkeep(self) -> None:
        """The same people event by event: a stream kept current, against deciding anew."""
        events, size = people(self._sizes.small), self._sizes.batch
        batches = [facts_of(events[i : i + size]) for i in range(0, len(events), size)]
        self._progress(f"upkeep: {len(events):,} links in {len(batches)} batches")
        runs = [self._keep_up(batches) for _ in range(self._repeat)]
        total = median(sum(times) for times in runs)
        last = median(times[-1] for times in runs)
        whole = self.report.figures["resolve_tenth_seconds"]
        self.report.figures.update(
            upkeep_links=len(events),
            upkeep_batch_links=size,
            upkeep_seconds=total,
            upkeep_links_per_second=len(events) / total,
            upkeep_last_batch_seconds=last,
        )
        self.report.ratios.update(
            upkeep_over_resolve=total / whole,
            upkeep_last_batch_over_resolve=last / whole,
            upkeep_last_over_median_batch=median(t[-1] / median(t) for t in runs),
        )

    def observe(self) -> None:
        """From raw events to facts: normalising, screening, linking."""
        events = [({s.a.type: [s.a.value], s.b.type: [s.b.value]}, s.at) for s in people(self._sizes.small)]

        def work() -> Facts:
            observer, facts = Observer(self._rules), Facts()
            for identifiers, at in events:
                observer.observe(facts, identifiers, {}, at, at)
            return facts

        taken = self._time(f"observe: {len(events):,} events", work)
        self.report.figures.update(
            observe_events=len(events), observe_seconds=taken, observe_events_per_second=len(events) / taken
        )

    def _keep_up(self, batches: list[Facts]) -> list[float]:
        view = MemoryView(self._rules, _MINTER)
        return [seconds(partial(view.apply, facts)) for facts in batches]

    def _resolve(self, name: str, sightings: list[Sighting]) -> float:
        facts = facts_of(sightings)
        return self._time(f"{name}: {len(sightings):,} links", lambda: self._resolved(facts))

    def _resolved(self, facts: Facts) -> Resolution:
        return resolve(facts, self._rules, minter=_MINTER, as_of=facts.newest)

    def _time(self, label: str, work: Callable[[], object]) -> float:
        self._progress(label)
        return median_seconds(work, self._repeat)


def _growth(few_seconds: float, few: int, many_seconds: float, many: int) -> float:
    """Time's growth over size's: 1 is linear."""
    return (many_seconds / few_seconds) / (many / few)
