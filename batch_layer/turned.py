"""Who came into segments or left them from one generation to the next, for whoever tells of it."""

from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as f

from batch_layer.gold import Gold
from identity import rulefile
from schemas.generation import Manifest
from schemas.turned import MOST_TURNED, Turn, Turned, write

_TABLE = "gold/segment_members"
_CUSTOMER = ["tenant", "customer_id"]


def written(gold: Gold, before: Manifest, manifest: Manifest, directory: Path, at: int) -> None:
    """Compare the segments of customers that there are now, and write who turned into `directory`.

    Nothing is written where there is nothing to compare with: other rules may mean other people.
    """
    if manifest.fingerprint != before.fingerprint or _TABLE not in before.tables:
        return
    if not rulefile.parse(manifest.rules).segments:
        return
    was, is_ = _by_customer(gold.before(_TABLE, before), "was"), _by_customer(gold.written(_TABLE), "is_")
    nothing = f.array().cast("array<string>")
    both = was.join(is_, _CUSTOMER, "full").withColumns(
        {name: f.coalesce(name, nothing) for name in ("was", "is_")}
    )
    # Who left with an id that nobody has any more is told of by the id that took its place.
    there = gold.written("gold/customers").select(*_CUSTOMER)
    turned = both.where("was != is_").join(there, _CUSTOMER, "left_semi")
    rows = turned.select(*_CUSTOMER, "was", "is_").limit(MOST_TURNED + 1).collect()
    found = [Turn(row[0], row[1], tuple(row[2]), tuple(row[3])) for row in rows]
    left_out = turned.count() if len(found) > MOST_TURNED else 0
    write(
        directory,
        Turned(
            at=at,
            before=before.generation,
            offsets=before.offsets,
            left_out=left_out,
            rows=[] if left_out else sorted(found, key=lambda turn: (turn.tenant, turn.customer_id)),
        ),
    )


def _by_customer(members: DataFrame, name: str) -> DataFrame:
    return members.groupBy(*_CUSTOMER).agg(f.array_sort(f.collect_set("segment")).alias(name))
