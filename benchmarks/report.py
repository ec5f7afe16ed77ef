"""What a benchmark found: figures of this machine, and ratios that hold on any."""

from dataclasses import dataclass, field

import msgspec


@dataclass(frozen=True)
class Report:
    """Figures in seconds, counts and rates, as their names say; ratios without a unit."""

    figures: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> str:
        """One JSON object, `{"figures": {...}, "ratios": {...}}`."""
        return msgspec.json.encode(self).decode()

    def as_table(self) -> str:
        """The same for people."""
        lines = []
        for title, entries in (("figures", self.figures), ("ratios", self.ratios)):
            lines += [title, *(f"  {name:<36}{_number(value):>14}" for name, value in entries.items())]
        return "\n".join(lines)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) or value >= 1000 else f"{value:,.4g}"
