"""`ucid bench identity`: how fast is it decided who is who, and does it stay linear?"""

from collections.abc import Callable
from functools import partial
from statistics import median

from benchmarks.clock import medians, seconds
from benchmarks.peers import union_find
from benchmarks.report import Report
from benchmarks.shapes import Sighting, facts_of, hub, path, people, rules
from identity import Facts, Minter, Observer, Resolution, resolve
from identity.memory import MemoryView

Progress = Callable[[str], None]

# The usual sizes. Linear work on a tenth takes a tenth of the time.
LINKS = 1_000_000
IDENTIFIERS = 100_000  # in one component
EVENTS = 100_000
BATCH = 5_000  # events that a stream takes in at a time
TENTH = 10

_MINTER = Minter(b"ucid bench")


def measure(scale: float, repeat: int, progress: Progress) -> Report:
    """Everything at `scale` times the usual size, each time the median of `repeat` runs."""
    bench = _Bench(scale, repeat, progress)
    bench.people()
    bench.one_component("path", path)
    bench.one_component("hub", hub)
    bench.upkeep()
    bench.observe()
    return bench.report


class _Bench:
    def __init__(self, scale: float, repeat: int, progress: Progress) -> None:
        self.report = Report()
        self._scale = scale
        self._repeat = repeat
        self._progress = progress
        self._rules = rules()

    def people(self) -> None:
        """Many small components: the usual case, against a bare union-find."""
        links = self._size(LINKS)
        self._progress(f"people: {links:,} links")
        facts, tenth = facts_of(people(links)), facts_of(people(links // TENTH))
        times = medians(
            self._repeat,
            all=lambda: self._resolve(facts),
            tenth=lambda: self._resolve(tenth),
            peer=lambda: union_find(facts.links),
            peer_tenth=lambda: union_find(tenth.links),
        )
        self.report.figures.update(
            resolve_links=links,
            resolve_seconds=times["all"],
            resolve_tenth_seconds=times["tenth"],
            resolve_links_per_second=links / times["all"],
            union_find_seconds=times["peer"],
            union_find_tenth_seconds=times["peer_tenth"],
        )
        growth = len(facts.links) / len(tenth.links)
        self.report.ratios.update(
            resolve_growth=_growth(times["all"], times["tenth"], growth),
            # How much of that is the machine's memory: a dictionary that outgrows the caches is slower.
            union_find_growth=_growth(times["peer"], times["peer_tenth"], growth),
            resolve_over_union_find=times["all"] / times["peer"],
        )

    def one_component(self, name: str, shape: Callable[[int], list[Sighting]]) -> None:
        """All identifiers in one component: the worst that data can do."""
        size = self._size(IDENTIFIERS)
        self._progress(f"{name}: {size:,} identifiers")
        facts, tenth = facts_of(shape(size)), facts_of(shape(size // TENTH))
        times = medians(self._repeat, all=lambda: self._resolve(facts), tenth=lambda: self._resolve(tenth))
        self.report.figures.update(
            {
                f"{name}_identifiers": size,
                f"{name}_seconds": times["all"],
                f"{name}_tenth_seconds": times["tenth"],
            }
        )
        self.report.ratios[f"{name}_growth"] = _growth(
            times["all"], times["tenth"], len(facts.links) / len(tenth.links)
        )

    def upkeep(self) -> None:
        """People event by event: a stream kept current, against deciding anew."""
        events, size = people(self._size(EVENTS)), self._size(BATCH)
        self._progress(f"upkeep: {len(events):,} events in batches of {size:,}")
        batches = [facts_of(events[i : i + size]) for i in range(0, len(events), size)]
        whole = facts_of(events)
        rounds = [
            (seconds(partial(self._resolve, whole)), *self._keep_up(batches)) for _ in range(self._repeat)
        ]
        anew = median(times[0] for times in rounds)
        batch = median(median(times[1:]) for times in rounds)
        total = median(sum(times[1:]) for times in rounds)
        self.report.figures.update(
            upkeep_events=len(events),
            upkeep_batch_events=size,
            upkeep_seconds=total,
            upkeep_batch_seconds=batch,
            upkeep_events_per_second=len(events) / total,
            upkeep_anew_seconds=anew,
        )
        self.report.ratios.update(
            upkeep_over_anew=total / anew,
            upkeep_batch_over_anew=batch / anew,
            # Does a batch cost more as the view grows?
            upkeep_last_over_median_batch=median(times[-1] for times in rounds) / batch,
        )

    def observe(self) -> None:
        """From raw events to facts: normalising, screening, linking."""
        sightings = people(self._size(EVENTS))
        self._progress(f"observe: {len(sightings):,} events")
        events = [({a.type: [a.value], b.type: [b.value]}, at) for a, b, at in sightings]
        taken = medians(self._repeat, all=lambda: self._observe(events))["all"]
        self.report.figures.update(
            observe_events=len(events), observe_seconds=taken, observe_events_per_second=len(events) / taken
        )

    def _size(self, usual: int) -> int:
        return max(round(usual * self._scale), 2 * TENTH)

    def _resolve(self, facts: Facts) -> Resolution:
        return resolve(facts, self._rules, minter=_MINTER, as_of=facts.newest)

    def _keep_up(self, batches: list[Facts]) -> list[float]:
        view = MemoryView(self._rules, _MINTER)
        return [seconds(partial(view.apply, facts)) for facts in batches]

    def _observe(self, events: list[tuple[dict[str, list[str]], int]]) -> Facts:
        observer, facts = Observer(self._rules), Facts()
        for identifiers, at in events:
            observer.observe(facts, identifiers, {}, at, at)
        return facts


def _growth(all_seconds: float, tenth_seconds: float, size_ratio: float) -> float:
    """Time's growth over size's: 1 is linear."""
    return all_seconds / tenth_seconds / size_ratio
