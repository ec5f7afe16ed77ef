"""A run's report as one page to look at: no script, no network, no identifier; light and dark."""

import math
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from batch_layer.health import Count, Health, Size
from batch_layer.parity import SAID
from batch_layer.report import Past, Report

# Of a plot, in the units of its drawing.
_WIDTH, _HEIGHT = 640, 200


class Row(NamedTuple):
    """A bar that lies: what it stands for, its figure, and its length in percent."""

    label: str
    figure: str
    extent: float


class Bar(NamedTuple):
    """A bar that stands: what it stands for, its figure, and where it is drawn."""

    label: str
    figure: str
    extent: float
    at: float
    breadth: float


class Line(NamedTuple):
    """One line over past runs: the points of an SVG polyline, and the figures at its ends."""

    name: str
    points: str
    first: str
    last: str
    end: tuple[float, float]


def drawn(report: Report) -> str:
    """The page, HTML."""
    health, parity = report.health, report.parity
    return _template().render(
        report=report,
        at=_moment(report.at),
        as_of=_moment(report.as_of) if report.as_of is not None else "never: nothing is known",
        largest=health.largest,
        width=_WIDTH,
        height=_HEIGHT,
        sizes=(
            ("Customers by size", _columns(health.customers)),
            ("Components by size", _columns(health.components)),
        ),
        certainty=_rows([(f"{level:g}", count) for level, count in _certainty(health)]),
        causes=_rows([(SAID[name], count) for name, count in parity.causes.items()]),
        said_causes=_rows([(SAID[name], count) for name, count in parity.said_causes.items()]),
        quarantined=_rows([(f"{each.type}: {each.reason}", each.count) for each in health.quarantined]),
        refused=_rows(_by_reason(health.refused)),
        phases=_rows([(each.name, each.seconds) for each in report.phases], " s"),
        lines=_lines(report),
        over=[(level, report.health.share(level)) for level in (1.0, 0.9, 0.5)],
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("batch_layer", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = _figure
    return environment.get_template("page.html")


def _moment(micros: int) -> str:
    return datetime.fromtimestamp(micros // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _figure(number: float) -> str:
    """1234567 as 1,234,567."""
    return f"{number:,}" if isinstance(number, int) else f"{number:,.1f}"


def _columns(sizes: Sequence[Size]) -> list[Bar]:
    """A column for each power of two; heights are logarithmic, for one customer of a million must show."""
    if not sizes:
        return []
    top = math.log10(max(size.count for size in sizes)) + 1
    breadth = min(_WIDTH / len(sizes), 90)
    return [
        Bar(
            f"{size.least}" if size.least == size.most else f"{size.least} to {size.most}",
            _figure(size.count),
            (math.log10(size.count) + 1) / top * (_HEIGHT - 50),
            i * breadth,
            breadth * 0.8,
        )
        for i, size in enumerate(sizes)
    ]


def _rows(counts: Sequence[tuple[str, float]], unit: str = "") -> list[Row]:
    """A row for each; lengths are in proportion, but what is there at all can be seen."""
    longest = max((count for _, count in counts), default=0)
    return [
        Row(label, f"{_figure(count)}{unit}", max(100 * count / longest, 0.5) if count else 0.0)
        for label, count in counts
    ]


def _by_reason(counts: Sequence[Count]) -> list[tuple[str, float]]:
    reasons: Counter[str] = Counter()
    for each in counts:
        reasons[each.reason] += each.count
    return [(reason, count) for reason, count in reasons.most_common()]


def _certainty(health: Health) -> list[tuple[float, int]]:
    levels: dict[float, int] = {}
    for each in health.certainty:
        levels[each.certainty] = levels.get(each.certainty, 0) + each.identifiers
    return sorted(levels.items(), reverse=True)


def _lines(report: Report) -> list[Line]:
    now = Past(report.generation, report.movement.after, report.health.identifiers, None)
    runs = [*report.past, now]
    if len(runs) == 1:
        return []
    kinds = (
        ("identifiers", [run.identifiers for run in runs]),
        ("customers", [run.customers for run in runs]),
    )
    top = max(max(values) for _, values in kinds) or 1
    step = (_WIDTH - 180) / (len(runs) - 1)
    return [_line(name, values, top, step) for name, values in kinds]


def _line(name: str, values: Sequence[int], top: int, step: float) -> Line:
    points = [(i * step, _HEIGHT - 20 - value / top * (_HEIGHT - 50)) for i, value in enumerate(values)]
    return Line(
        name,
        " ".join(f"{x:.1f},{y:.1f}" for x, y in points),
        _figure(values[0]),
        _figure(values[-1]),
        points[-1],
    )
