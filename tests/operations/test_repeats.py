"""What is told again and again is told once in a while."""

import logging

from deploy import repeats
from deploy.repeats import REPEATS_S, Once


def test_a_line_is_told_once_in_a_while(monkeypatch):
    monkeypatch.setattr(repeats, "_MOST", 2)
    now = 0.0
    told = Once(lambda: now)

    def tell(text, *args):
        return told.filter(logging.LogRecord("x", logging.ERROR, "", 0, text, args, None))

    assert tell("broker %d is away", 1)
    assert not tell("broker %d is away", 1)
    assert tell("broker %d is away", 2)
    now = REPEATS_S
    assert tell("broker %d is away", 1)
    assert not tell("broker %d is away", 1)
    # It remembers no more than so many, and tells rather than forgets.
    assert tell("broker %d is away", 3)
    assert tell("broker %d is away", 4)
    assert tell("broker %d is away", 1)
