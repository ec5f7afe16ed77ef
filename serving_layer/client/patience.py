"""Whether to try again, and when: a pure decision.

Everything that the API does may be asked twice: a decision that is taken again changes nothing. So what got
no answer is tried again, and whatever was told to wait, or that nothing can be answered now. The wait is
drawn from a span that doubles ("full jitter", Brooker, Exponential Backoff And Jitter, AWS 2015), so that
clients which were turned away together do not come back together. What the server says, `Retry-After`, is
its least.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

_AGAIN = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Patience:
    """At most `tries` in all; waits of up to `first` seconds, doubling to `longest`, each never longer."""

    tries: int = 6
    first: float = 0.1
    longest: float = 10.0
    random: Callable[[], float] = random.random

    def wait(self, tried: int, status: int | None, retry_after: float | None = None) -> float | None:
        """Seconds until the next try, after so many; None: give up. Status None is no answer at all."""
        if tried >= self.tries or (status is not None and status not in _AGAIN):
            return None
        if retry_after is not None and retry_after > self.longest:
            return None
        span: float = min(self.longest, self.first * 2 ** (tried - 1))
        return max(self.random() * span, retry_after or 0.0)
