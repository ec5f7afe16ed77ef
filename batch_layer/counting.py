"""What a run counts of each tenant, for whoever asks about segments and sources."""

from collections import defaultdict

from batch_layer.gold import Gold
from schemas.counted import NOBODY, Counted


def counted(gold: Gold, at: int) -> list[Counted]:
    """By tenant, that of nobody always; `at` (microseconds) is now."""
    segments: defaultdict[str, dict[str, int]] = defaultdict(dict)
    # Without profile and segments in the rules the table is not written.
    if "gold/segments" in gold.versions:
        for tenant, segment, customers in gold.written("gold/segments").collect():
            segments[tenant][segment] = customers
    return [
        Counted(tenant=tenant, at=at, segments=segments[tenant]) for tenant in sorted({NOBODY, *segments})
    ]
