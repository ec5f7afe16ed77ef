"""Generation 0: where a system begins. Needs no Spark."""

from collections.abc import Mapping
from pathlib import Path

from identity import rulefile
from schemas.absorb import LOG
from schemas.generation import Builder, Manifest, numbers, open_generation


def begin(generations: Path, rules: str, partitions: Mapping[str, int], source: str = "rules") -> Manifest:
    """Publish generation 0: nobody is known, the log is to be read from its beginning.

    `rules` is the YAML text, `partitions` says how many each topic has. Does nothing where there is a
    generation already; returns the newest's manifest. Raises RuleError.
    """
    known = numbers(generations)
    if known:
        return open_generation(generations, known[-1]).manifest
    manifest = Manifest(
        generation=0,
        offsets={topic: dict.fromkeys(range(partitions[topic]), 0) for topic in LOG},
        as_of=None,
        rules=rules,
        fingerprint=rulefile.parse(rules, source).fingerprint,
    )
    with Builder(generations, 0) as builder:
        builder.publish(manifest)
    return manifest
