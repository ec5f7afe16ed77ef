"""What would be, with nothing published: other rules on the history, or the batch of this moment."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from batch_layer.alone import alone
from batch_layer.examine import TABLES, Watching, compared, said, tables
from batch_layer.gold import Gold
from batch_layer.health import Count, Health, examined
from batch_layer.movement import Change, Example, Movement
from batch_layer.parity import UNEXPLAINED, Parity, Sides
from batch_layer.run import Progress, Run, rehearse, said_below
from identity import rulefile
from schemas.errors import SchemaError
from schemas.generation import open_generation, wanted

# How many differences are shown one by one.
MOST = 20


class NothingKnown(SchemaError):
    """There is no history to try anything on."""


class Diff(msgspec.Struct, frozen=True, kw_only=True):
    """What other rules would do to generation `generation`; `examples` hold personal data."""

    generation: int
    fingerprint: str
    new_fingerprint: str
    movement: Movement
    before: Health
    after: Health
    examples: list[Example]

    def lines(self) -> list[str]:
        """The difference as a person reads it; with identifiers."""
        m = self.movement
        lines = [
            f"rules {self.fingerprint} -> {self.new_fingerprint}, on generation {self.generation}:",
            f"  customers    {m.before} -> {m.after}",
            f"  merged       {m.merged} customers would be made of several",
            f"  split        {m.split} customers would become several",
            f"  new, gone    {m.made} of identifiers that count again, {m.gone} of whom none would count",
            f"  ids          {m.kept} kept, {m.aliases} would lead to another customer, {m.lost} lost",
            f"  identifiers  {m.moved} with another customer id, {m.appeared} more, {m.vanished} fewer",
        ]
        lines += _counts("quarantined", self.before.quarantined, self.after.quarantined)
        lines += _counts("refused links", self.before.refused, self.after.refused)
        for example in self.examples:
            lines += ["", *_shown(example)]
        return lines


class Difference(msgspec.Struct, frozen=True):
    """One answer of the stream that the batch does not give; personal data."""

    tenant: str
    type: str
    value: str
    stream: str | None
    batch: str | None


def rules_diff(job: Run, rules: str, most: int, progress: Progress) -> Diff:
    """Run other rules (YAML text) on what the generation in use is made of.

    At most `most` merges and splits are shown. Raises NothingKnown, RuleError, and what Spark raises.
    """
    rulefile.parse(rules)
    number = wanted(job.generations)
    if not number:
        raise NothingKnown("there is no history yet to try rules on: run 'ucid batch' first")
    old = open_generation(job.generations, number).manifest
    with _scratch(job.delta) as scratch:
        manifest, gold = rehearse(job, scratch, rules=rules, offsets=old.offsets, progress=progress)
        before = tables(job.spark, job.delta, old)
        after = {name: gold.written(name) for name in TABLES}
        progress("what would change")
        with Change(before["gold/identifiers"], after["gold/identifiers"], after["gold/aliases"]) as change:
            return Diff(
                generation=old.generation,
                fingerprint=old.fingerprint,
                new_fingerprint=manifest.fingerprint,
                movement=change.counted(),
                before=examined(before, rulefile.parse(old.rules)),
                after=examined(after, rulefile.parse(rules)),
                examples=change.examples(most),
            )


def parity_now(job: Run, progress: Progress) -> tuple[Parity, list[Difference]]:
    """Rebuild everything up to this moment and compare it with what readers are told.

    Returns the comparison, and some of the answers that nothing explains. Raises what `rehearse` raises.
    """
    bronze = job.bronze()
    offsets = bronze.bounds()[1]
    with _scratch(job.delta) as scratch, Watching(job.look, offsets, job.delta) as watching:
        progress("what readers are told")
        look = watching.waited()
        if look.why is not None or look.generation is None:
            return Parity(why=look.why), []
        old = open_generation(job.generations, look.generation).manifest
        manifest, gold = rehearse(job, scratch, offsets=offsets, progress=progress)
        progress("parity")
        after = {name: gold.written(name) for name in TABLES}
        sides = Sides(old, manifest, tables(job.spark, job.delta, old), after)
        both = said(Gold(job.spark, job.delta), old), said_below(job, manifest)
        parity, rows = compared(job.spark, job.delta, bronze, look, sides, both)
        some = rows.where(rows.cause == UNEXPLAINED).drop("cause").limit(MOST).collect()
        return parity, [Difference(*row) for row in some]


@contextmanager
def _scratch(root: Path) -> Iterator[Path]:
    """A directory that all executors share; of two rehearsals the second waits."""
    scratch = root / ".rehearsal"
    with alone(root, ".rehearsal.lock"):
        shutil.rmtree(scratch, ignore_errors=True)  # of one that was killed
        try:
            yield scratch
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _counts(what: str, before: list[Count], after: list[Count]) -> Iterator[str]:
    """A line for each reason whose count differs."""
    old, new = ({(c.type, c.reason): c.count for c in counts} for counts in (before, after))
    for type_, reason in sorted(old.keys() | new.keys()):
        was, will = old.get((type_, reason), 0), new.get((type_, reason), 0)
        if was != will:
            yield f"  {what}: {was} -> {will} {type_}: {reason}"


def _shown(example: Example) -> Iterator[str]:
    to = "would be made of" if example.kind == "merged" else "would become"
    yield f"{example.one} ({example.tenant}, {example.identifiers} identifiers) {to}"
    for part in example.parts:
        more = f" and {part.count - len(part.identifiers)} more" if part.count > len(part.identifiers) else ""
        yield f"  {part.customer_id or 'nobody'}: {', '.join(part.identifiers)}{more}"
