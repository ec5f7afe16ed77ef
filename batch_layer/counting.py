"""What a run counts of each tenant, for whoever asks about segments and sources."""

from collections import defaultdict
from functools import reduce
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from batch_layer import catalogue, tally
from batch_layer.bronze import Bronze, messages
from batch_layer.catalogue import Counts
from batch_layer.gold import Gold
from batch_layer.sources.loads import Loads
from batch_layer.sources.tables import Tables
from identity import Rules
from schemas.counted import NOBODY, Counted
from schemas.generation import Manifest


class Counting:
    """Counts for the generation of `manifest`, which is made from that of `before`.

    `former` is what was counted of that one, where it may be added to: whatever has been there since stands
    as it did, and is read by the same rules. Else everything is counted.
    """

    def __init__(
        self,
        spark: SparkSession,
        delta: Path,
        bronze: Bronze,
        before: Manifest,
        manifest: Manifest,
        former: list[Counted],
    ) -> None:
        self._tables = Tables(spark, delta)
        self._bronze = bronze
        self._before = before
        self._manifest = manifest
        self._former = former
        self._loads = [load for load in Loads(delta).all() if load.load <= manifest.loads]

    def counted(self, gold: Gold, rules: Rules, at: int) -> list[Counted]:
        """By tenant, that of nobody always; `at` (microseconds) is now."""
        segments: defaultdict[str, dict[str, int]] = defaultdict(dict)
        # Without profile and segments in the rules the table is not written.
        if "gold/segments" in gold.versions:
            for tenant, segment, customers in gold.written("gold/segments").collect():
                segments[tenant][segment] = customers
        said = {(load.tenant, load.source): load.personal for load in self._loads}
        sources = catalogue.catalogue(self._counts(rules), rules, said)
        return [
            Counted(tenant=tenant, at=at, segments=segments[tenant], sources=sources[tenant])
            for tenant in sorted({NOBODY, *segments, *sources})
        ]

    def _counts(self, rules: Rules) -> Counts:
        """The log and what stands of slow sources; of what was counted before only what is new is read."""
        before, manifest = self._before, self._manifest
        known: list[Counts] = []
        frames: list[DataFrame] = []
        if not self._former:
            frames.append(tally.of_events(self._bronze.table(), rules))
        else:
            known.append(catalogue.of_former(self._former, "events"))
            if messages(before.offsets, manifest.offsets):
                new = self._bronze.since(before.offsets, manifest.offsets)
                frames.append(tally.of_events(new, rules))
        if self._former and manifest.loads == before.loads:
            known.append(catalogue.of_former(self._former, "records"))
        elif self._loads:
            known.append(catalogue.of_loads(self._loads))
            frames.append(tally.of_records(self._tables.current(manifest.loads), rules))
        if frames:
            known.append(tally.added_up(reduce(DataFrame.union, frames)))
        return catalogue.together(known)
