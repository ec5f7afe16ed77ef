"""How a run ends: shards, report, manifest, and the rename that makes it count."""

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from batch_layer.examine import Examiner
from batch_layer.gold import Gold
from schemas.generation import Builder, Manifest, Shard


def publish(
    generations: Path,
    manifest: Manifest,
    gold: Gold,
    write: Callable[[Path], list[Shard]],
    counts: Callable[[], Mapping[str, int]],
    examiner: Examiner | None,
    whole: str | None,
) -> Manifest:
    """Publish the generation of `manifest`, whose tables are written; returns the manifest with all it found.

    `write` puts the shards into a directory; `whole` says why everything was computed, None where it was not.
    """
    with Builder(generations, manifest.generation) as builder:
        written = write(builder.directory)
        if examiner is not None:
            examiner.write(gold, manifest, builder.directory, whole)
        manifest = msgspec.structs.replace(
            manifest, counts=dict(counts()), tables=gold.versions, shards=written
        )
        builder.publish(manifest)
    return manifest
