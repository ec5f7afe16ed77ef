"""What a benchmark found: figures of this machine, and ratios that hold on any."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

Figure = float | str


@dataclass(frozen=True)
class Report:
    """Figures in seconds, counts and rates, as their names say; ratios without a unit.

    A ratio that was left out is None, and `why` says why, by its name. `failed`: not because it could not
    be measured here, but because something that was measured went wrong.
    """

    figures: dict[str, Figure] = field(default_factory=dict)
    ratios: dict[str, float | None] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    failed: bool = False

    def as_json(self) -> str:
        """One JSON object, `{"figures": {...}, "ratios": {...}}`, with `"why"` where there is a null."""
        found: dict[str, Any] = {"figures": self.figures, "ratios": self.ratios}
        if self.why:
            found["why"] = self.why
        return msgspec.json.encode(found).decode()

    def as_table(self) -> str:
        """The same for people."""
        lines = []
        width = max(map(len, [*self.figures, *self.ratios]), default=0)
        for title, entries in (("figures", self.figures), ("ratios", self.ratios)):
            lines += [title, *(f"  {name:<{width}}{_cell(value):>14}" for name, value in entries.items())]
        if self.why:
            lines += ["why", *(f"  {name}: {reason}" for name, reason in self.why.items())]
        return "\n".join(lines)


def _cell(value: Figure | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, str):
        return f"  {value}"
    return f"{value:,.0f}" if value == int(value) or value >= 1000 else f"{value:,.4g}"
