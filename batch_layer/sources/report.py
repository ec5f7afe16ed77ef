"""What a load did, in numbers: for a person, for a program, and for the limits that stop it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from batch_layer.sources.versions import ENDED, GONE, LANDED, NEW, OLDER, REPLACED, UNCHANGED


@dataclass(frozen=True, slots=True)
class Failure:
    """How often a rule of a column failed. `rejected`: the record was, not only the value."""

    column: str | None
    rule: str
    reason: str
    rejected: bool
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One load. `counts` has every verdict of `versions`; the other numbers are of rows and records.

    `missing` records ended because a full export no longer has them; `held` would have, were it not for rows
    that cannot be told. `known` stood before. `stopped` says why nothing was landed; `before` is the load
    that had taken the same content.
    """

    source: str
    name: str
    load: int | None = None
    read: int = 0
    repeated: int = 0
    rejected: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    missing: int = 0
    held: int = 0
    known: int = 0
    failures: tuple[Failure, ...] = ()
    stopped: str | None = None
    dry: bool = False
    before: int | None = None
    outdated: bool = False

    @property
    def changes(self) -> int:
        """How many versions it makes."""
        return self.missing + sum(self.counts.get(verdict, 0) for verdict in LANDED)

    @property
    def totals(self) -> dict[str, int]:
        """Every number by its name."""
        ended = self.counts.get(ENDED, 0) + self.missing
        return {
            "read": self.read,
            **{name: self.counts.get(name, 0) for name in (NEW, REPLACED, UNCHANGED, OLDER)},
            "ended": ended,
            "gone": self.counts.get(GONE, 0),
            "repeated": self.repeated,
            "rejected": self.rejected,
            "held": self.held,
        }

    def lines(self) -> list[str]:
        """The report as a person reads it. Values are personal data, and none is in it."""
        if self.before is not None:
            later = (
                "; newer exports were taken since, '--again' takes it as the newest" if self.outdated else ""
            )
            return [
                f"{self.source}: {self.name}: taken already (load {self.before}), nothing new in it{later}"
            ]
        totals = self.totals
        done = "would be " if self.dry else ""
        told = [f"{totals[name]} {done}{name}" for name in ("new", "replaced", "unchanged", "ended")]
        told += [f"{totals[name]} {words}" for name, words in _RARE.items() if totals[name]]
        lines = [f"{self.source}: {self.name}: {self.read} rows read", f"  {', '.join(told)}"]
        if self.held:
            lines.append(
                f"  {self.held} records are missing and stay as they are: rows without a readable record id "
                "could be theirs"
            )
        if self.rejected:
            lines.append(f"  {self.rejected} rejected ({self.rejected / self.read:.1%})")
        for failure in self.failures:
            what = "" if failure.rejected else " (the value was left out, the record was taken)"
            where = failure.column or "row"
            lines.append(f"    {failure.count} x {where}, {failure.rule}: {failure.reason}{what}")
        if self.stopped:
            lines.append(f"  STOPPED, nothing was taken: {self.stopped}")
        return lines


_RARE = {
    "older": "older than what is known",
    "gone": "deleted before they were known",
    "repeated": "repeated",
}
