"""The whole of `ucid bench batch`: which part runs when, and on which files."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter

from pyspark.sql import DataFrame, SparkSession

from batch_layer.session import arrange
from benchmarks.batch import FULL_ONLY, PARTS, assigning, workload
from benchmarks.batch.rebuilding import Rebuilding
from benchmarks.batch.splinking import splink
from benchmarks.report import Figure, Report
from benchmarks.speed.findings import Findings, Ratio

Progress = Callable[[str], None]
Figures = Mapping[str, Figure]
Assign = Callable[[Path, Path], float | None]
"""Takes files of links and where to write; returns seconds where it has measured them itself."""

CUSTOMERS = 1_000_000  # the usual size
PATH = 1_000_000
HUB = 500_000
FEWEST = 200
WARMING = 0.1  # of the usual size: as much as the JVM wants to see before it has compiled what it runs
# The sizes of a rebuild, as shares of the usual one; named as they are where that is it.
SIZES = {"200k": 0.2, "1m": 1.0, "3m": 3.0}

_PER_CUSTOMER = "rebuild_{}_seconds_per_customer"
# A ratio against a peer says how many times as fast as the peer we are.
RATIOS: Mapping[str, Ratio] = {
    "vs_graphx": Ratio("graphx", "graphx_seconds", ("components_seconds",)),
    "vs_one_process": Ratio("one_process", "one_process_seconds", ("components_seconds",)),
    "vs_splink_1m": Ratio("splink_1m", "splink_1m_seconds", ("components_seconds",)),
    "vs_splink_5m": Ratio("splink_5m", "splink_5m_seconds", ("components_5m_seconds",)),
    "growth_200k_1m": Ratio("rebuild", _PER_CUSTOMER.format("1m"), (_PER_CUSTOMER.format("200k"),)),
    "growth_1m_3m": Ratio("rebuild", _PER_CUSTOMER.format("3m"), (_PER_CUSTOMER.format("1m"),)),
    "peak_gib": Ratio("rebuild", "rebuild_peak_bytes", ("bytes_in_gib",)),
    "incremental_vs_full": Ratio("incremental", "incremental_seconds", ("rebuild_1m_seconds",)),
    "bytes_per_identifier": Ratio("rebuild", "generation_bytes", ("generation_identifiers",)),
}


@dataclass(frozen=True)
class Plan:
    """What to measure: at which size, how often, and which parts of it."""

    scale: float
    repeat: int
    parts: frozenset[str]


def measure(plan: Plan, spark: SparkSession, progress: Progress) -> Report:
    """The parts of the plan; of what is measured several times, the median. Raises Broken."""
    home = Path(tempfile.mkdtemp(prefix="ucid-bench-"))
    try:
        suite = _Suite(plan, spark, home, progress)
        suite.warm()
        for _ in range(plan.repeat):
            suite.assign()
        suite.assign_many()
        suite.rebuild()
        return suite.findings.report()
    finally:
        shutil.rmtree(home)


class _Suite:
    def __init__(self, plan: Plan, spark: SparkSession, home: Path, progress: Progress) -> None:
        self.findings = Findings(RATIOS)
        self._plan = plan
        self._spark = spark
        self._home = home
        self._progress = progress
        for part in PARTS.keys() - plan.parts:
            why = "it takes many minutes: --full" if part in FULL_ONLY else "it was not asked for"
            self.findings.leave_out(part, f"the part {part!r} is left out, {why}")

    def warm(self) -> None:
        """Spark's first query pays for starting Python and for compiling: that is the session's start."""
        few = self._sized(CUSTOMERS, WARMING)
        links = self._links("few", workload.links(self._spark, few), few * workload.LINKS)
        self._ours(links, self._home / "few.parquet")

    def assign(self) -> None:
        """String identifiers in, components out: ours, the peers, and the shapes that are hard."""
        customers = self._sized(CUSTOMERS)
        links = self._links("links", workload.links(self._spark, customers), customers * workload.LINKS)
        self.findings.add({"customers": customers, "links": customers * workload.LINKS})
        self._take("components", lambda: self._assigned("components", self._ours, links))
        graphx = partial(assigning.graphx, self._spark)
        self._take("graphx", lambda: self._assigned("graphx", graphx, links))
        self._take("one_process", lambda: self._assigned("one_process", assigning.one_process, links))
        self._take("splink_1m", lambda: self._assigned("splink_1m", splink, links))
        if "shapes" in self._plan.parts:
            for name, size, shape in (("path", PATH, workload.path), ("hub", HUB, workload.hub)):
                of_shape = self._links(name, shape(self._spark, self._sized(size)), self._sized(size))
                self._take("shapes", partial(self._assigned, name, self._ours, of_shape))

    def assign_many(self) -> None:
        """The same of five times as many customers: ours and Splink, once."""
        if "splink_5m" in self._plan.parts:
            many = self._sized(CUSTOMERS, 5.0)
            more = self._links("links_5m", workload.links(self._spark, many), many * workload.LINKS)
            self._take("splink_5m", lambda: self._assigned("components_5m", self._ours, more))
            self._take("splink_5m", lambda: self._assigned("splink_5m", splink, more))

    def rebuild(self) -> None:
        """The whole of a run but the landing, at three sizes."""
        if "rebuild" in self._plan.parts:
            self._take("rebuild", self._rebuilt)
        elif "incremental" in self._plan.parts:
            self.findings.leave_out("incremental", "it follows a rebuild, and none was asked for")

    def _rebuilt(self) -> Figures:
        figures: dict[str, Figure] = {"bytes_in_gib": 2**30}
        peak = 0
        for name, share in SIZES.items():
            customers = self._sized(CUSTOMERS, share)
            home = self._home / f"rebuild-{name}"
            self._progress(f"rebuild: {customers:,} customers")
            system = Rebuilding(self._spark, home, customers)
            made = system.run(lambda text: self._progress(f"rebuild: {text}"))
            peak = max(peak, made.peak)
            figures |= {
                f"rebuild_{name}_customers": customers,
                f"rebuild_{name}_seconds": made.seconds,
                _PER_CUSTOMER.format(name): made.seconds / customers,
                "generation_bytes": made.size,
                "generation_identifiers": made.identifiers,
            }
            if share == 1.0 and "incremental" in self._plan.parts:
                self._progress("incremental: 1% more links")
                figures["incremental_seconds"] = system.increment(
                    lambda text: self._progress(f"incremental: {text}")
                )
            shutil.rmtree(home)
        return {**figures, "rebuild_peak_bytes": peak}

    def _ours(self, links: Path, out: Path) -> None:
        assigning.ours(self._spark, links, out)

    def _sized(self, usual: int, share: float = 1.0) -> int:
        return max(round(usual * self._plan.scale * share), FEWEST)

    def _links(self, name: str, frame: DataFrame, count: int) -> Path:
        path = self._home / name
        if not path.exists():
            self._progress(f"{name}: {count:,} links")
            workload.write(frame, path)
        arrange(self._spark, count)
        return path

    def _assigned(self, name: str, assign: Assign, links: Path) -> Figures:
        out = self._home / f"{name}.parquet"
        begun = perf_counter()
        told = assign(links, out)
        seconds = perf_counter() - begun if told is None else told
        return {f"{name}_seconds": seconds, f"{name}_components": assigning.check(links, out)}

    def _take(self, name: str, part: Callable[[], Figures]) -> None:
        if name not in self._plan.parts:
            return
        self._progress(f"{name}: {PARTS[name]}")
        # Without components no figure means anything.
        self.findings.take(name, part, self._progress, vital=name == "components")
