"""The course of a run: how many messages were visible at which moment."""

from bisect import bisect_left
from dataclasses import dataclass, field


@dataclass
class Course:
    """Moments (seconds) and counts, both growing."""

    moments: list[float] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)

    def note(self, moment: float, count: int) -> None:
        """At that moment so many were visible, and at none before."""
        self.moments.append(moment)
        self.counts.append(count)

    @property
    def count(self) -> int:
        """How many are visible."""
        return self.counts[-1] if self.counts else 0

    def rate(self, first: float = 0, last: float = float("inf")) -> float:
        """Messages a second between two counts; what was there at the first moment does not count.

        Nobody saw how long the first messages took: a process had to start and to join its group. 0
        where nothing was seen between the two.
        """
        begin, end = self._at(first), self._at(last)
        if end <= begin:
            return 0.0
        return (self.counts[end] - self.counts[begin]) / (self.moments[end] - self.moments[begin])

    def _at(self, count: float) -> int:
        """Where so many were visible first; else the end."""
        return min(bisect_left(self.counts, count), len(self.counts) - 1)
