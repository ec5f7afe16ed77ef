"""Asking for who can wait: a question yields what it needs to read, until it has its answer."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar, cast

Wanted = TypeVar("Wanted")
Result = TypeVar("Result")


def asked(question: Generator[Wanted, Any, Result], find: Callable[[Wanted], Any]) -> Result:
    """The answer to a question, which is sent what `find` finds of each thing that it wants."""
    try:
        wanted = next(question)
        while True:
            wanted = question.send(find(wanted))
    except StopIteration as done:
        return cast("Result", done.value)
